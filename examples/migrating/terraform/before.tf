# An endpoint and a pipeline as the provider elastic/elasticstack has them.

variable "openai_api_key" {
  type      = string
  sensitive = true
}

resource "elasticstack_elasticsearch_inference_endpoint" "reviews" {
  inference_id = "reviews-embeddings"
  task_type    = "text_embedding"
  service      = "openai"
  service_settings = jsonencode({
    "model_id" : "text-embedding-3-small",
    "api_key" : var.openai_api_key,
    "rate_limit" : { "requests_per_minute" : 600 }
  })
}

resource "elasticstack_elasticsearch_ingest_pipeline" "reviews" {
  name        = "reviews"
  description = "Embeds reviews"
  processors = [
    jsonencode({ "trim" : { "field" : "text" } }),
    jsonencode({
      "inference" : {
        "model_id" : "reviews-embeddings",
        "input_output" : [{ "input_field" : "text", "output_field" : "text_vector" }]
      }
    })
  ]
  on_failure = [
    jsonencode({ "set" : { "field" : "error", "value" : "{{ _ingest.on_failure_message }}" } })
  ]
  metadata = jsonencode({ "team" : "reviews" })
}
