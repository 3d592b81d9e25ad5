{{/* What is mounted: folders, not single files, since the kubelet swaps a folder as a whole when its Secret or ConfigMap changes. */}}
{{- define "inference-operator.volumes" -}}
{{- with .Values.defaultConnection.secretName }}
- name: inference-operator-default-connection
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- if .Values.metrics.enabled }}
{{- with .Values.metrics.tls.secretName }}
- name: inference-operator-metrics-certificate
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- end }}
{{- with .Values.extraCA.secretName }}
- name: inference-operator-extra-ca
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.extraCA.configMapName }}
- name: inference-operator-extra-ca
  configMap:
    name: {{ . | quote }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "inference-operator.volumeMounts" -}}
{{- if .Values.defaultConnection.secretName }}
- name: inference-operator-default-connection
  mountPath: {{ include "inference-operator.defaultConnectionPath" . }}
  readOnly: true
{{- end }}
{{- if and .Values.metrics.enabled .Values.metrics.tls.secretName }}
- name: inference-operator-metrics-certificate
  mountPath: {{ include "inference-operator.metricsCertificatePath" . }}
  readOnly: true
{{- end }}
{{- if include "inference-operator.hasExtraCA" . }}
- name: inference-operator-extra-ca
  mountPath: {{ include "inference-operator.extraCAPath" . }}
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}
