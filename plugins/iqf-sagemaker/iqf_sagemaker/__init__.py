"""IQF executor: the runs of a study as Amazon SageMaker training jobs, and a server to try that on."""
