"""What users write and read: models of the custom resources, the service catalogue, and the CRDs made from them.

Pure: no clock, no network, no file access but the packaged catalogue.
"""
