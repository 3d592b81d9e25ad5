{{/* What every policy has in common. `root` is the chart, `plurals` a list, `name` the end of the name. */}}
{{- define "inference-operator.policyHead" -}}
metadata:
  name: {{ include "inference-operator.fullname" .root }}-{{ .name }}
  labels:
    {{- include "inference-operator.labels" .root | nindent 4 }}
{{- end -}}

{{- define "inference-operator.policyMatch" -}}
failurePolicy: Fail
matchConstraints:
  resourceRules:
    - apiGroups: [inference-operator.io]
      apiVersions: ["*"]
      operations: [CREATE, UPDATE]
      resources: {{ toJson .plurals }}
matchConditions:
  # The operator writes finalizers, annotations and status of whatever is there already, also of what a policy would not let in today.
  - name: the-spec-is-new
    expression: oldObject == null || object.spec != oldObject.spec
{{- end -}}

{{- define "inference-operator.notLeaving" }}
  # What is on its way out has to be changeable, to get there.
  - name: it-stays
    expression: "!has(object.metadata.deletionTimestamp)"
{{- end -}}

{{- define "inference-operator.policyBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
{{ include "inference-operator.policyHead" . }}
spec:
  policyName: {{ include "inference-operator.fullname" .root }}-{{ .name }}
  validationActions: {{ toJson .root.Values.admissionPolicies.validationActions }}
  {{- with .root.Values.watchNamespaces }}
  matchResources:
    namespaceSelector:
      matchExpressions:
        - key: kubernetes.io/metadata.name
          operator: In
          values: {{ toJson . }}
  {{- end }}
{{- end -}}

{{/* The names of secret settings, as a list of CEL. */}}
{{- define "inference-operator.secretNames" -}}
{{- concat (.Files.Lines "files/secret-settings.txt" | compact) .Values.admissionPolicies.plainTextSecrets.extraNames | uniq | toJson -}}
{{- end -}}
