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
{{- default (include "millrace.jobSelector" (dict "top" . "name" (include "millrace.fullname" .))) .Values.prometheusRule.selector }}
{{- end }}

{{- define "millrace.apiMetricsSelector" -}}
{{- default (include "millrace.jobSelector" (dict "top" . "name" (printf "%s-api" (include "millrace.fullname" .)))) .Values.prometheusRule.apiSelector }}
{{- end }}

{{- define "millrace.jobSelector" -}}
{{- printf "namespace=%q, job=%q" .top.Release.Namespace (printf "%s/%s" .top.Release.Namespace .name) }}
{{- end }}

{{/* The workers' millrace.toml, with what is the chart's own in it. */}}
{{- define "millrace.config" -}}
{{- $own := dict "health" (dict "host" "0.0.0.0" "port" 9108) }}
{{- if .Values.persistence.enabled }}
{{- $_ := set $own "snapshots" (dict "directory" "/var/lib/millrace/snapshots") }}
{{- end }}
{{- include "millrace.toml" (mergeOverwrite (omit (deepCopy .Values.config) "api") $own) }}
{{- end }}

{{/* A map of sections as TOML. JSON's texts, numbers and lists are TOML's as well. */}}
{{- define "millrace.toml" -}}
{{- range $section, $settings := . }}
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

{{- define "millrace.env" -}}
{{ include "millrace.variables" (dict "secrets" .Values.secretSettings "extra" .Values.extraEnv) }}
{{- end }}

{{/* The variables of a container that runs millrace: "secrets" says which key holds which setting, "extra" is added. */}}
{{- define "millrace.variables" -}}
- name: MILLRACE_CONFIG
  value: /etc/millrace/millrace.toml
{{- range $setting, $key := .secrets }}
- name: MILLRACE_{{ $setting | upper | replace "." "__" }}_FILE
  value: /run/secrets/millrace/{{ $key }}
{{- end }}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "millrace.volumeMounts" -}}
{{ include "millrace.volumeMountsOf" .Values.extraVolumeMounts }}
{{- end }}

{{/* Takes what is mounted besides. */}}
{{- define "millrace.volumeMountsOf" -}}
- {name: config, mountPath: /etc/millrace, readOnly: true}
- {name: secrets, mountPath: /run/secrets/millrace, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- with . }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "millrace.volumes" -}}
{{- $secret := required "existingSecret: name the Secret that holds redis-url" .Values.existingSecret }}
{{- include "millrace.volumesOf" (dict "config" (include "millrace.fullname" .) "secret" $secret "secrets" .Values.secretSettings "extra" .Values.extraVolumes) }}
{{- end }}

{{/* The volumes of volumeMountsOf: of the Secret no keys but those in "secrets"; "extra" is added. */}}
{{- define "millrace.volumesOf" -}}
- name: config
  configMap: {name: {{ .config }}}
- name: secrets
  secret:
    secretName: {{ .secret }}
    defaultMode: 0440
    items:
    {{- range $key := values .secrets | uniq | sortAlpha }}
    - {key: {{ $key | quote }}, path: {{ $key | quote }}}
    {{- end }}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "millrace.pod" -}}
serviceAccountName: {{ include "millrace.serviceAccount" . }}
{{ include "millrace.anyPod" . }}
{{- end }}

{{/* What all pods have in common. */}}
{{- define "millrace.anyPod" -}}
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

{{- define "millrace.container" -}}
{{ include "millrace.anyContainer" . }}
{{- with .Values.extraEnvFrom }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What all containers have in common. */}}
{{- define "millrace.anyContainer" -}}
image: {{ include "millrace.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- toYaml .Values.securityContext | nindent 2 }}
{{- end }}

{{/* Over zones and nodes, as far as it goes; takes what millrace.selector takes. */}}
{{- define "millrace.spread" -}}
{{- $selector := include "millrace.selector" . }}
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- topologyKey: {{ . }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- $selector | nindent 6 }}
{{- end }}
{{- end }}

{{/* Where pods may go: to name servers, and to the places in "destinations", of which "to" may be anywhere. */}}
{{- define "millrace.egress" -}}
- to:
    - namespaceSelector: {}
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- range .destinations }}
- ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  {{- with .to }}
  to: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Scrapes the pods of a component. The pod monitor's name becomes the label job, by which alerts choose. */}}
{{- define "millrace.podMonitor" -}}
{{- $monitor := .top.Values.podMonitor -}}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ .name }}
  namespace: {{ .top.Release.Namespace }}
  labels:
    {{- include "millrace.labels" . | nindent 4 }}
    {{- with $monitor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels: {{- include "millrace.selector" . | nindent 6 }}
  podMetricsEndpoints:
    - port: metrics
      path: /metrics
      interval: {{ $monitor.interval }}
      # A restart changes a pod's address, not its name.
      relabelings:
        - {sourceLabels: [__meta_kubernetes_pod_name], targetLabel: instance}
{{- end }}
