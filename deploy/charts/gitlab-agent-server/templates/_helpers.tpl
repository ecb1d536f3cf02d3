{{/* The name of all objects. */}}
{{- define "gitlab-agent-server.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "gitlab-agent-server.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "gitlab-agent-server.labels" -}}
{{ include "gitlab-agent-server.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "gitlab-agent-server.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "gitlab-agent-server.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "gitlab-agent-server.image" -}}
{{- $repository := required "image.repository is empty, and no image is published: build it with docker build -f deploy/Dockerfile --target server and push it" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- $repository }}@{{ .Values.image.digest -}}
{{- else -}}
{{- $repository }}:{{ default .Chart.AppVersion .Values.image.tag -}}
{{- end -}}
{{- end -}}

{{/* What values say together and can't mean. */}}
{{- define "gitlab-agent-server.check" -}}
{{- $registry := or .Values.registry.secretName .Values.registry.content -}}
{{- if not .Values.config.gitlab.address -}}
{{- fail "config.gitlab.address is empty: say where GitLab is, such as https://gitlab.example.com" -}}
{{- else if and .Values.registry.secretName .Values.registry.content -}}
{{- fail "registry.secretName and registry.content exclude each other" -}}
{{- else if and $registry .Values.kasSecret.secretName -}}
{{- fail "registry and kasSecret exclude each other: either a registry says who may connect, or GitLab does" -}}
{{- else if not (or $registry .Values.kasSecret.secretName) -}}
{{- fail "nothing says which agents may connect: set registry.secretName or registry.content, or kasSecret.secretName beside a self-managed GitLab" -}}
{{- else if and .Values.api.enabled (not .Values.kasSecret.secretName) -}}
{{- fail "api.enabled needs kasSecret.secretName, with which GitLab shows that it is GitLab" -}}
{{- else if and (gt (int .Values.replicas) 1) (not .Values.redis.address) -}}
{{- fail (printf "replicas is %d: more than one server needs redis.address, by which they know of each other" (int .Values.replicas)) -}}
{{- else if and (not .Values.redis.address) (or .Values.config.redis .Values.redis.secretName .Values.redis.caCert .Values.privateApi.secretName .Values.privateApi.tlsSecretName) -}}
{{- fail "config.redis, redis and privateApi are for several servers: set redis.address" -}}
{{- else if and (dig "agent" "kubernetes_api" false .Values.config) (not .Values.kubernetesApi.enabled) -}}
{{- fail "config.agent.kubernetes_api is for a port that is closed: set kubernetesApi.enabled=true" -}}
{{- else if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host is empty: ingress.enabled needs one, such as kas.example.com" -}}
{{- end -}}
{{- end -}}

{{/* Volumes of Secrets: name, Secret, and the key that becomes a file of that name; of all keys where none is said. */}}
{{- define "gitlab-agent-server.secrets" -}}
{{- $name := include "gitlab-agent-server.fullname" . -}}
{{- if or .Values.registry.secretName .Values.registry.content }}
- name: registry
  secret: {{ default (printf "%s-registry" $name) .Values.registry.secretName }}
  key: {{ ternary .Values.registry.key "registry.yaml" (ne .Values.registry.secretName "") }}
  file: registry.yaml
{{- end }}
{{- with .Values.kasSecret.secretName }}
- name: kas
  secret: {{ . }}
  key: {{ $.Values.kasSecret.key }}
  file: secret
{{- end }}
{{- with .Values.git.secretName }}
- name: git
  secret: {{ . }}
{{- end }}
{{- with .Values.tls.secretName }}
- name: tls
  secret: {{ . }}
{{- end }}
{{- with .Values.webhook.secretName }}
- name: webhook
  secret: {{ . }}
  key: {{ $.Values.webhook.key }}
  file: secret
{{- end }}
{{- if .Values.redis.address }}
{{- with .Values.redis.secretName }}
- name: redis
  secret: {{ . }}
  key: {{ $.Values.redis.key }}
  file: password
{{- end }}
- name: private-api
  secret: {{ default (printf "%s-private-api" $name) .Values.privateApi.secretName }}
  key: {{ ternary .Values.privateApi.key "secret" (ne .Values.privateApi.secretName "") }}
  file: secret
{{- with .Values.privateApi.tlsSecretName }}
- name: private-api-tls
  secret: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What the chart writes into the server's file: ports, and where it mounts what. */}}
{{- define "gitlab-agent-server.ownConfig" -}}
{{- $mounts := "/etc/gitlab-agent-server" -}}
{{- if or .Values.kasSecret.secretName .Values.gitlabCaCert }}
gitlab:
  {{- if .Values.kasSecret.secretName }}
  authentication_secret_file: {{ $mounts }}/kas/secret
  {{- end }}
  {{- if .Values.gitlabCaCert }}
  ca_certificate_file: {{ $mounts }}/config/gitlab-ca.crt
  {{- end }}
{{- end }}
agent:
  {{- if not .Values.kasSecret.secretName }}
  registry_file: {{ $mounts }}/registry/registry.yaml
  {{- end }}
  listen:
    address: ":8150"
    {{- if .Values.tls.secretName }}
    certificate_file: {{ $mounts }}/tls/tls.crt
    key_file: {{ $mounts }}/tls/tls.key
    {{- end }}
  {{- if .Values.kubernetesApi.enabled }}
  kubernetes_api:
    listen:
      address: ":8154"
      {{- if .Values.tls.secretName }}
      certificate_file: {{ $mounts }}/tls/tls.crt
      key_file: {{ $mounts }}/tls/tls.key
      {{- end }}
  {{- end }}
observability:
  listen:
    address: ":8151"
repositories:
  {{- if .Values.git.secretName }}
  credentials_dir: {{ $mounts }}/git
  {{- end }}
  cache_dir: /var/cache/gitlab-agent-server
{{- if .Values.webhook.secretName }}
webhook:
  address: ":8152"
  secret_file: {{ $mounts }}/webhook/secret
{{- end }}
{{- if .Values.api.enabled }}
api:
  listen:
    address: ":8153"
    authentication_secret_file: {{ $mounts }}/kas/secret
{{- end }}
{{- if .Values.redis.address }}
redis:
  server:
    address: {{ .Values.redis.address | quote }}
    {{- if .Values.redis.caCert }}
    ca_certificate_file: {{ $mounts }}/config/redis-ca.crt
    {{- end }}
  {{- if .Values.redis.secretName }}
  password_file: {{ $mounts }}/redis/password
  {{- end }}
private_api:
  listen:
    address: ":8155"
    authentication_secret_file: {{ $mounts }}/private-api/secret
    {{- if .Values.privateApi.tlsSecretName }}
    certificate_file: {{ $mounts }}/private-api-tls/tls.crt
    key_file: {{ $mounts }}/private-api-tls/tls.key
    ca_certificate_file: {{ $mounts }}/private-api-tls/ca.crt
    {{- end }}
{{- end }}
{{- end -}}

{{/* The server's file. */}}
{{- define "gitlab-agent-server.config" -}}
{{- $own := fromYaml (include "gitlab-agent-server.ownConfig" .) -}}
{{- toYaml (mustMergeOverwrite (deepCopy .Values.config) $own) -}}
{{- end -}}

{{/* The ports of the container: the first word is the name, the second the number. */}}
{{- define "gitlab-agent-server.ports" -}}
agents: 8150
observability: 8151
{{- if .Values.webhook.secretName }}
webhooks: 8152
{{- end }}
{{- if .Values.api.enabled }}
api: 8153
{{- end }}
{{- if .Values.kubernetesApi.enabled }}
kubernetes-api: 8154
{{- end }}
{{- if .Values.redis.address }}
private-api: 8155
{{- end }}
{{- end -}}
