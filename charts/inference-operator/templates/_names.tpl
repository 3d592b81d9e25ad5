{{/* The name of the chart, as a label. */}}
{{- define "inference-operator.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of every object of this release; short enough for a label. */}}
{{- define "inference-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "inference-operator.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "inference-operator.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "inference-operator.fullname" .) -}}
{{- end -}}

{{/*
The Lease that the pods compete for, in the release's namespace. No template makes it: whoever makes one that is free to be taken says
that nobody works, which only its last holder knows. Helm would say so again where the Lease was deleted under a working pod.
*/}}
{{- define "inference-operator.leaseName" -}}
{{- include "inference-operator.fullname" . -}}
{{- end -}}

{{/* What selects the pods. A Deployment's selector is immutable, so nothing that changes from release to release belongs here. */}}
{{- define "inference-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "inference-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | trunc 63 | trimSuffix "-" | quote }}
{{- end -}}

{{- define "inference-operator.labels" -}}
{{ include "inference-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* repository:tag, repository@digest, or repository:tag@digest. */}}
{{- define "inference-operator.image" -}}
{{- $image := .Values.image -}}
{{- if and $image.digest $image.tag -}}
{{- printf "%s:%s@%s" $image.repository $image.tag $image.digest -}}
{{- else if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
