{{/* Contradictions between values that a JSON schema can't express. */}}
{{- define "inference-operator.validate" -}}
{{- if .Values.watchNamespaces -}}
{{- range .Values.defaultConnection.namespaces -}}
{{- if and (ne . "*") (not (has . $.Values.watchNamespaces)) -}}
{{- fail (printf "defaultConnection.namespaces names %q, which watchNamespaces does not list, so no object there would ever be looked after. Add it to watchNamespaces, or leave it out." .) -}}
{{- end -}}
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
{{- if has .name $names -}}
{{- fail (printf "extraEnv sets %q twice. Leave one of them out." .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- end -}}
