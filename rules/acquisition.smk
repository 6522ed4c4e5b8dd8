# Downloads of published data sets, for those whose source in the study is `download`.

# A rule for each data set, since each has files of its own, and no rule can declare what depends on a wildcard.
for dataset, source in SOURCES.items():

    rule:
        name:
            f"download_{dataset}"
        output:
            layout.raw_files(dataset, source.file_names),
        retries: 0
        # Nodes of a cluster often have no network. The downloader retries by itself, and resumes.
        localrule: True
        conda:
            "../envs/data.yaml"
        # Checksums, and not the version of the code, tell what the files are: an edit must not fetch gigabytes again.
        params:
            dataset=dataset,
            checksums=[download.sha256 for download in source.downloads],
            lock=study.config.data.lock,
        script:
            "../workflow_scripts/download_dataset.py"
