{{/*
What the operator may do in each namespace that it watches. Each verb is used by the code; none is there in advance.
`get` on namespaces works in a Role too: RBAC counts a Namespace as an object inside itself.
*/}}
{{- define "inference-operator.rules" -}}
# The objects themselves. Spec is never written: `patch` sets the finalizer and the claim annotation.
- apiGroups: [inference-operator.io]
  resources: [inferenceendpoints, ingestpipelines]
  verbs: [list, watch, patch]
- apiGroups: [inference-operator.io]
  resources: [inferenceendpoints/status, ingestpipelines/status]
  verbs: [patch]
# Values and connections that a spec refers to{{ if .Values.rbac.watchSecrets }}; watched, so that a rotated key is followed at once{{ end }}.
- apiGroups: [""]
  resources: [{{ if not .Values.rbac.secretNames }}secrets, {{ end }}configmaps]
  verbs: [get{{ if .Values.rbac.watchSecrets }}, list, watch{{ end }}]
{{- with .Values.rbac.secretNames }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson . }}
  verbs: [get]
{{- end }}
# An object in a namespace that is being deleted may have to be let go without its cluster. The uid of kube-system names the
# Kubernetes cluster in the mark that pipelines carry; where it may not be read, marks do without.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
{{- if .Values.watchNamespaceSelector }}
# Which namespaces carry the labels of watchNamespaceSelector.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end }}
# Events on transitions; a repeated one is counted up by `patch`.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# Elasticsearch clusters of ECK that `spec.elasticsearchRef.name` names.
- apiGroups: [elasticsearch.k8s.elastic.co]
  resources: [elasticsearches]
  verbs: [get]
{{- end -}}

{{/* What electing one of the pods takes, in the release's namespace. */}}
{{- define "inference-operator.leaderElectionRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "inference-operator.leaseName" . | quote }}]
  verbs: [get, patch]
# A request to create names no object, so this can't be restricted to one name.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
{{- end -}}

{{- define "inference-operator.leaderElectionRole" -}}
{{- include "inference-operator.fullname" . }}-leader-election
{{- end -}}
