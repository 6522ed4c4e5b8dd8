# Downloads of the published data sets whose source in the study is `download`.

# One rule per data set, because their files differ and the outputs of a rule cannot depend on a wildcard.
for downloadable in (dataset for dataset in DATASETS.values() if dataset.source):

    rule:
        name:
            f"download_{downloadable.name}"
        output:
            layout.raw_files(downloadable.name, downloadable.source.file_names),
        retries: 0
        # Nodes of a cluster often have no network access. The downloader itself retries and resumes.
        localrule: True
        conda:
            "../envs/data.yaml"
        # Checksums, not the code version, identify the files: an edit must not download gigabytes again.
        params:
            dataset=downloadable.name,
            checksums=[download.sha256 for download in downloadable.source.downloads],
            lock=study.config.data.lock,
        script:
            "../workflow_scripts/download_dataset.py"
