{{/* Contradictions between values that a JSON schema can't express. */}}
{{- define "inference-operator.validate" -}}
{{- if and .Values.watchNamespaces .Values.watchNamespaceSelector -}}
{{- fail "watchNamespaces lists namespaces, and watchNamespaceSelector chooses them by label. Give one of them, not both." -}}
{{- end -}}
{{- if and .Values.rbac.watchSecrets .Values.rbac.secretNames -}}
{{- fail "rbac.secretNames restricts the right on Secrets to some names, and rbac.watchSecrets grants all of them. Set rbac.watchSecrets=false, or leave rbac.secretNames out." -}}
{{- end -}}
{{- if and .Values.extraCA.configMapName .Values.extraCA.secretName -}}
{{- fail "extraCA names a ConfigMap and a Secret. Give configMapName or secretName, not both." -}}
{{- end -}}
{{- include "inference-operator.validateMetrics" . -}}
{{- if and .Values.tracing.endpoint (not .Values.tracing.enabled) -}}
{{- fail "tracing.endpoint says where traces go, but tracing.enabled=false sends none. Enable it, or leave the endpoint out." -}}
{{- end -}}
{{- if .Values.watchNamespaces -}}
{{- range .Values.defaultConnection.namespaces -}}
{{- if and (ne . "*") (not (has . $.Values.watchNamespaces)) -}}
{{- fail (printf "defaultConnection.namespaces names %q, which watchNamespaces does not list, so no object there would ever be looked after. Add it to watchNamespaces, or leave it out." .) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.defaultConnection.secretName (not (include "inference-operator.servedNamespaces" .)) -}}
{{- fail (printf "defaultConnection.secretName is set, but the connection serves none of the namespaces of watchNamespaces, only %q, the release's own. Name some of them in defaultConnection.namespaces, or leave the connection out." .Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- with .Values.leaderElection -}}
{{- if ge (int .renewDeadlineSeconds) (int .leaseDurationSeconds) -}}
{{- fail (printf "leaderElection.renewDeadlineSeconds is %d, which is not less than leaseDurationSeconds, %d: two pods could write at once. Make it less." (int .renewDeadlineSeconds) (int .leaseDurationSeconds)) -}}
{{- end -}}
{{- end -}}
{{- $podLabels := .Values.podLabels | default dict -}}
{{- range $key, $_ := include "inference-operator.labels" . | fromYaml -}}
{{- if hasKey $podLabels $key -}}
{{- fail (printf "podLabels can't set %q, which the chart sets itself. Leave it out." $key) -}}
{{- end -}}
{{- end -}}
{{- $names := list -}}
{{- range .Values.extraEnv -}}
{{- if and (eq .name "OTEL_EXPORTER_OTLP_ENDPOINT") $.Values.tracing.endpoint -}}
{{- fail "extraEnv sets OTEL_EXPORTER_OTLP_ENDPOINT, and so does tracing.endpoint. Leave one of them out." -}}
{{- end -}}
{{- if has .name $names -}}
{{- fail (printf "extraEnv sets %q twice. Leave one of them out." .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- $volumes := list -}}
{{- range .Values.extraVolumes -}}
{{- if has .name $volumes -}}
{{- fail (printf "extraVolumes has %q twice. Leave one of them out." .name) -}}
{{- end -}}
{{- $volumes = append $volumes .name -}}
{{- end -}}
{{- $paths := list -}}
{{- range .Values.extraVolumeMounts -}}
{{- if not (has .name $volumes) -}}
{{- fail (printf "extraVolumeMounts mounts %q, which extraVolumes does not have. Add the volume, or leave the mount out." .name) -}}
{{- end -}}
{{- if has .mountPath $paths -}}
{{- fail (printf "extraVolumeMounts mounts %q twice. Leave one of them out." .mountPath) -}}
{{- end -}}
{{- $paths = append $paths .mountPath -}}
{{- end -}}
{{- end -}}

{{/* The namespaces of watchNamespaces that the default connection serves, separated by blanks. */}}
{{- define "inference-operator.servedNamespaces" -}}
{{- $open := .Values.defaultConnection.namespaces | default list -}}
{{- $served := list -}}
{{- range .Values.watchNamespaces -}}
{{- if or (eq . $.Release.Namespace) (has . $open) (has "*" $open) -}}
{{- $served = append $served . -}}
{{- end -}}
{{- end -}}
{{- join " " $served -}}
{{- end -}}

{{/* What is asked for around metrics, and can't be had. */}}
{{- define "inference-operator.validateMetrics" -}}
{{- $metrics := .Values.metrics -}}
{{- range $name := list "serviceMonitor" "podMonitor" "prometheusRule" "dashboard" "authentication" -}}
{{- if and (not $metrics.enabled) (get $metrics $name).enabled -}}
{{- fail (printf "metrics.%s.enabled needs metrics, which metrics.enabled=false turns off. Turn them on, or leave it out." $name) -}}
{{- end -}}
{{- end -}}
{{- if and (not $metrics.enabled) $metrics.tls.secretName -}}
{{- fail "metrics.tls.secretName needs metrics, which metrics.enabled=false turns off. Turn them on, or leave it out." -}}
{{- end -}}
{{- if and $metrics.serviceMonitor.enabled $metrics.podMonitor.enabled -}}
{{- fail "metrics.serviceMonitor and metrics.podMonitor are both enabled, so every pod would be scraped twice. Leave one of them out." -}}
{{- end -}}
{{- if and $metrics.serviceMonitor.enabled (not $metrics.service.enabled) -}}
{{- fail "metrics.serviceMonitor needs the Service, which metrics.service.enabled=false leaves out. Enable it, or use metrics.podMonitor." -}}
{{- end -}}
{{- $service := include "inference-operator.metricsService" . -}}
{{- if and $metrics.enabled $metrics.service.enabled (regexMatch "^[0-9]" $service) -}}
{{- fail (printf "the Service for metrics would be called %q, after the release, and the name of a Service can't begin with a digit. Set fullnameOverride, or metrics.service.enabled=false." $service) -}}
{{- end -}}
{{- if and $metrics.podMonitor.enabled $metrics.authentication.enabled (not $metrics.podMonitor.tokenSecret) -}}
{{- fail "metrics.authentication is enabled, and a PodMonitor sends no token of its own. Set metrics.podMonitor.tokenSecret, or use metrics.serviceMonitor." -}}
{{- end -}}
{{- if and $metrics.authentication.readers (not $metrics.authentication.enabled) -}}
{{- fail "metrics.authentication.readers names who may scrape, but everybody may while metrics.authentication.enabled=false. Enable it, or leave readers out." -}}
{{- end -}}
{{- range $kind := list "serviceMonitor" "podMonitor" "prometheusRule" "dashboard" -}}
{{- range $key, $_ := include "inference-operator.labels" $ | fromYaml -}}
{{- if hasKey ((get $metrics $kind).labels | default dict) $key -}}
{{- fail (printf "metrics.%s.labels can't set %q, which the chart sets itself. Leave it out." $kind $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
