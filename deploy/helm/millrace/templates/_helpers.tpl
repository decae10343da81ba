{{- define "millrace.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "millrace.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "millrace.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "millrace.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What selects pods, with the component that the caller names: (dict "top" . "component" "worker"). */}}
{{- define "millrace.selector" -}}
app.kubernetes.io/name: {{ include "millrace.name" .top }}
app.kubernetes.io/instance: {{ .top.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "millrace.labels" -}}
{{ include "millrace.selector" . }}
app.kubernetes.io/version: {{ .top.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: millrace
app.kubernetes.io/managed-by: {{ .top.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .top.Chart.Name .top.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "millrace.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "millrace.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name: name one that is there, or let the chart create it" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "millrace.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{- define "millrace.claim" -}}
{{- default (printf "%s-snapshots" (include "millrace.fullname" .)) .Values.persistence.existingClaim }}
{{- end }}

{{/* Which series in Prometheus are of this release: a PodMonitor gives its own namespace and name to the label job. */}}
{{- define "millrace.metricsSelector" -}}
{{- $name := include "millrace.fullname" . }}
{{- default (printf "namespace=%q, job=%q" .Release.Namespace (printf "%s/%s" .Release.Namespace $name)) .Values.prometheusRule.selector }}
{{- end }}

{{/* millrace.toml, with what is the chart's own in it. JSON's texts, numbers and lists are TOML's as well. */}}
{{- define "millrace.config" -}}
{{- $own := dict "health" (dict "host" "0.0.0.0" "port" 9108) }}
{{- if .Values.persistence.enabled }}
{{- $_ := set $own "snapshots" (dict "directory" "/var/lib/millrace/snapshots") }}
{{- end }}
{{- range $section, $settings := mergeOverwrite (deepCopy .Values.config) $own }}
[{{ $section }}]
{{- range $setting, $value := $settings }}
{{- if not (kindIs "map" $value) }}
{{ $setting }} = {{ toRawJson $value }}
{{- end }}
{{- end }}
{{- range $setting, $table := $settings }}
{{- if kindIs "map" $table }}
[{{ $section }}.{{ $setting }}]
{{- range $entry, $value := $table }}
{{ toRawJson $entry }} = {{ toRawJson $value }}
{{- end }}
{{- end }}
{{- end }}
{{ end }}
{{- end }}

{{/* The variables of a container that runs millrace. */}}
{{- define "millrace.env" -}}
- name: MILLRACE_CONFIG
  value: /etc/millrace/millrace.toml
{{- range $setting, $key := .Values.secretSettings }}
- name: MILLRACE_{{ $setting | upper | replace "." "__" }}_FILE
  value: /run/secrets/millrace/{{ $key }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "millrace.volumeMounts" -}}
- {name: config, mountPath: /etc/millrace, readOnly: true}
- {name: secrets, mountPath: /run/secrets/millrace, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "millrace.volumes" -}}
- name: config
  configMap: {name: {{ include "millrace.fullname" . }}}
- name: secrets
  secret:
    secretName: {{ required "existingSecret: name the Secret that holds redis-url" .Values.existingSecret }}
    defaultMode: 0440
    items:
    {{- range $key := values .Values.secretSettings | uniq | sortAlpha }}
    - {key: {{ $key | quote }}, path: {{ $key | quote }}}
    {{- end }}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What all pods have in common. */}}
{{- define "millrace.pod" -}}
serviceAccountName: {{ include "millrace.serviceAccount" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* What all containers have in common. */}}
{{- define "millrace.container" -}}
image: {{ include "millrace.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- toYaml .Values.securityContext | nindent 2 }}
{{- with .Values.extraEnvFrom }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
