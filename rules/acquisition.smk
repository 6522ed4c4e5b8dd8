# Downloads of published data sets, for those whose source in the study is `download`.

# A rule for each data set, since each has files of its own, and no rule can declare what depends on a wildcard.
for downloadable in (dataset for dataset in DATASETS.values() if dataset.source):

    rule:
        name:
            f"download_{downloadable.name}"
        output:
            layout.raw_files(downloadable.name, downloadable.source.file_names),
        retries: 0
        # Nodes of a cluster often have no network. The downloader retries by itself, and resumes.
        localrule: True
        conda:
            "../envs/data.yaml"
        # Checksums, and not the version of the code, tell what the files are: an edit must not fetch gigabytes again.
        params:
            dataset=downloadable.name,
            checksums=[download.sha256 for download in downloadable.source.downloads],
            lock=study.config.data.lock,
        script:
            "../workflow_scripts/download_dataset.py"
