{{/* The operator's settings, as environment variables of the container. */}}
{{- define "inference-operator.env" -}}
- name: INFERENCE_OPERATOR_OPERATOR_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
# Always, also with one replica: during an update, or while a node does not answer, there can be two pods all the same.
- name: INFERENCE_OPERATOR_LEADER_ELECT
  value: "true"
- name: INFERENCE_OPERATOR_LEASE_NAME
  value: {{ include "inference-operator.leaseName" . | quote }}
- name: INFERENCE_OPERATOR_LEASE_DURATION
  value: {{ printf "%ds" (.Values.leaderElection.leaseDurationSeconds | int) | quote }}
- name: INFERENCE_OPERATOR_LEASE_RENEW_DEADLINE
  value: {{ printf "%ds" (.Values.leaderElection.renewDeadlineSeconds | int) | quote }}
{{- with .Values.watchNamespaces }}
- name: INFERENCE_OPERATOR_NAMESPACE
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.watchNamespaceSelector }}
- name: INFERENCE_OPERATOR_NAMESPACE_SELECTOR
  value: {{ . | quote }}
{{- end }}
{{- with .Values.defaultConnection }}
{{- if .secretName }}
- name: INFERENCE_OPERATOR_DEFAULT_CONNECTION_PATH
  value: {{ include "inference-operator.defaultConnectionPath" $ }}
{{- with .namespaces }}
- name: INFERENCE_OPERATOR_DEFAULT_CONNECTION_NAMESPACES
  value: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- end }}
- name: INFERENCE_OPERATOR_RESYNC_INTERVAL
  value: {{ .Values.resyncInterval | quote }}
- name: INFERENCE_OPERATOR_BACKOFF_MAX
  value: {{ .Values.backoffMax | quote }}
- name: INFERENCE_OPERATOR_CONCURRENCY_PER_CLUSTER
  value: {{ .Values.concurrencyPerCluster | int | quote }}
- name: INFERENCE_OPERATOR_REQUESTS_PER_SECOND
  value: {{ .Values.requestsPerSecond | quote }}
- name: INFERENCE_OPERATOR_SHUTDOWN_GRACE
  value: {{ printf "%ds" (.Values.shutdownGraceSeconds | int) | quote }}
- name: INFERENCE_OPERATOR_PROBE_ADDRESS
  value: {{ .Values.probes.address | quote }}
- name: INFERENCE_OPERATOR_PROBE_PORT
  value: {{ include "inference-operator.probePort" . | quote }}
- name: INFERENCE_OPERATOR_METRICS_ADDRESS
  value: {{ .Values.metrics.address | quote }}
- name: INFERENCE_OPERATOR_METRICS_PORT
  value: {{ .Values.metrics.enabled | ternary (include "inference-operator.metricsPort" .) "-1" | quote }}
{{- if and .Values.metrics.enabled .Values.metrics.tls.secretName }}
- name: INFERENCE_OPERATOR_METRICS_CERT_FILE
  value: {{ include "inference-operator.metricsCertificatePath" . }}/tls.crt
- name: INFERENCE_OPERATOR_METRICS_KEY_FILE
  value: {{ include "inference-operator.metricsCertificatePath" . }}/tls.key
{{- end }}
{{- if .Values.metrics.authentication.enabled }}
- name: INFERENCE_OPERATOR_METRICS_AUTH
  value: "true"
{{- end }}
{{- if include "inference-operator.hasExtraCA" . }}
- name: INFERENCE_OPERATOR_EXTRA_CA_FILE
  value: {{ include "inference-operator.extraCAPath" . }}/{{ .Values.extraCA.key }}
{{- end }}
- name: INFERENCE_OPERATOR_AUDIT_LOG
  value: {{ .Values.audit.enabled | ternary "-" "off" | quote }}
- name: INFERENCE_OPERATOR_TRACING
  value: {{ .Values.tracing.enabled | ternary "otlp" "off" | quote }}
{{- with .Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
- name: INFERENCE_OPERATOR_LOG_LEVEL
  value: {{ .Values.log.level | quote }}
- name: INFERENCE_OPERATOR_LOG_FORMAT
  value: {{ .Values.log.format | quote }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "inference-operator.probePort" -}}8080{{- end -}}

{{- define "inference-operator.metricsPort" -}}8081{{- end -}}

{{- define "inference-operator.defaultConnectionPath" -}}/etc/inference-operator/default-connection{{- end -}}

{{- define "inference-operator.metricsCertificatePath" -}}/etc/inference-operator/metrics-certificate{{- end -}}

{{- define "inference-operator.extraCAPath" -}}/etc/inference-operator/extra-ca{{- end -}}

{{/* Not empty where further certificate authorities are given. */}}
{{- define "inference-operator.hasExtraCA" -}}
{{- with .Values.extraCA.configMapName | default .Values.extraCA.secretName }}{{ . }}{{ end -}}
{{- end -}}
