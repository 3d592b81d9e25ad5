{{- define "inference-operator.metricsService" -}}
{{- include "inference-operator.fullname" . | trunc 55 | trimSuffix "-" }}-metrics
{{- end -}}

{{/* What a ServiceMonitor and a PodMonitor say of the port. `monitor` are the values of one of them, `root` the chart's. */}}
{{- define "inference-operator.scrape" -}}
{{- $root := .root -}}
port: metrics
path: /metrics
{{- with .monitor.interval }}
interval: {{ . | quote }}
{{- end }}
{{- with .monitor.scrapeTimeout }}
scrapeTimeout: {{ . | quote }}
{{- end }}
{{- with $root.Values.metrics.tls.secretName }}
scheme: https
tlsConfig:
  {{- if $.monitor.tlsConfig }}
  {{- toYaml $.monitor.tlsConfig | nindent 2 }}
  {{- else }}
  ca:
    secret:
      name: {{ . | quote }}
      key: ca.crt
  serverName: {{ include "inference-operator.metricsService" $root }}.{{ $root.Release.Namespace }}.svc
  {{- end }}
{{- end }}
{{- with .monitor.tokenSecret }}
authorization:
  type: Bearer
  credentials:
    name: {{ .name | quote }}
    key: {{ .key | quote }}
{{- end }}
{{- end -}}
