# In place of the two resources: Terraform (1.7 or newer) forgets them, and leaves them in Elasticsearch.

removed {
  from = elasticstack_elasticsearch_inference_endpoint.reviews

  lifecycle {
    destroy = false
  }
}

removed {
  from = elasticstack_elasticsearch_ingest_pipeline.reviews

  lifecycle {
    destroy = false
  }
}
