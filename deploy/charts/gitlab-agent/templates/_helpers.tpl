{{/* The name of all objects. */}}
{{- define "gitlab-agent.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The name of what is in no namespace, or in others: several agents can live in a cluster. As `install` does it. */}}
{{- define "gitlab-agent.distinctName" -}}
{{- include "gitlab-agent.fullname" .root }}-{{ .name }}
{{- if ne .root.Release.Namespace "gitlab-agent" }}-{{ .root.Release.Namespace }}{{ end -}}
{{- end -}}

{{- define "gitlab-agent.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gitlab-agent.labels" -}}
{{ include "gitlab-agent.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "gitlab-agent.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "gitlab-agent.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "gitlab-agent.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "gitlab-agent.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end -}}

{{- define "gitlab-agent.image" -}}
{{- $repository := required "image.repository is empty, and no image is published: build it with docker build -f deploy/Dockerfile and push it" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- $repository }}@{{ .Values.image.digest -}}
{{- else -}}
{{- $repository }}:{{ default .Chart.AppVersion .Values.image.tag -}}
{{- end -}}
{{- end -}}

{{/* What values say together and can't mean. */}}
{{- define "gitlab-agent.check" -}}
{{- with .Values.config -}}
{{- if .kasAddress -}}
  {{- if and .token .secretName -}}
    {{- fail "config.token and config.secretName exclude each other" -}}
  {{- else if not (or .token .secretName) -}}
    {{- fail "config.kasAddress needs config.secretName, the name of a Secret whose key token has the agent's token, or config.token" -}}
  {{- end -}}
{{- else -}}
  {{- range $name := list "token" "secretName" "kasHeaders" "kasCaCert" -}}
    {{- if get $.Values.config $name -}}
      {{- fail (printf "config.%s is for an agent server: set config.kasAddress" $name) -}}
    {{- end -}}
  {{- end -}}
  {{- range $name := list "agentName" "configProject" "gitlabUrl" -}}
    {{- if not (get $.Values.config $name) -}}
      {{- fail (printf "config.%s is empty: set it, or config.kasAddress, and the agent server says it" $name) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.rbac.mode "namespaces") (not .Values.rbac.useExistingRole) (not .Values.rbac.namespaces) -}}
{{- fail "rbac.namespaces is empty: rbac.mode=namespaces needs the names of some" -}}
{{- end -}}
{{- if and .Values.rbac.impersonate (not .Values.config.kasAddress) -}}
{{- fail "rbac.impersonate is for an agent server: set config.kasAddress" -}}
{{- end -}}
{{- if and .Values.rbac.namespaces (ne .Values.rbac.mode "namespaces") -}}
{{- fail "rbac.namespaces is for rbac.mode=namespaces" -}}
{{- end -}}
{{- end -}}
