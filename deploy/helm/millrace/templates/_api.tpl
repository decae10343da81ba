{{- define "millrace.apiServiceAccount" -}}
{{- $account := .Values.api.serviceAccount }}
{{- if $account.create }}
{{- default (printf "%s-api" (include "millrace.fullname" .)) $account.name }}
{{- else }}
{{- required "api.serviceAccount.name: name one that is there, or let the chart create it" $account.name }}
{{- end }}
{{- end }}

{{/* The API's millrace.toml: without the sections of what it does not have, so that those restart no pods of it. */}}
{{- define "millrace.apiConfig" -}}
{{- $workers := list (printf "http://%s:9108/metrics" (include "millrace.fullname" .)) }}
{{- $own := dict "health" (dict "host" "0.0.0.0") "api" (dict "host" "0.0.0.0" "port" 8080 "health_port" 9108 "workers" $workers) }}
{{- $taken := omit (deepCopy .Values.config) "clean" "experts" "learning" "memory" "refresh" "snapshots" }}
{{- include "millrace.toml" (mergeOverwrite $taken $own) }}
{{- end }}

{{/* What does not go together in the section api. */}}
{{- define "millrace.apiChecks" -}}
{{- $api := .Values.api }}
{{- $named := list }}
{{- range $setting := keys $api.secretSettings | sortAlpha }}
{{- if hasPrefix "api." $setting }}
{{- $named = append $named $setting }}
{{- end }}
{{- end }}
{{- if not $named }}
{{- $secret := $api.existingSecret | default .Values.existingSecret }}
{{- fail (printf "api.secretSettings: no API keys are named, and without them everyone could read and write; put some into the Secret %s, and say by api.secretSettings which of its keys holds api.read_keys, api.write_keys or api.admin_keys" $secret) }}
{{- end }}
{{- $drain := dig "run" "drain_seconds" 20 .Values.config | float64 }}
{{- $least := addf $drain $api.preStopSeconds 5 | ceil | int }}
{{- if lt (int $api.terminationGracePeriodSeconds) $least }}
{{- fail (printf "api.terminationGracePeriodSeconds: %d s would cut requests off; leaving and answering may take %d s (api.preStopSeconds + config.run.drain_seconds + 5)" (int $api.terminationGracePeriodSeconds) $least) }}
{{- end }}
{{- if $api.autoscaling.enabled }}
{{- if gt (int $api.autoscaling.minReplicas) (int $api.autoscaling.maxReplicas) }}
{{- fail (printf "api.autoscaling: minReplicas (%d) is above maxReplicas (%d)" (int $api.autoscaling.minReplicas) (int $api.autoscaling.maxReplicas)) }}
{{- end }}
{{- if not (dig "requests" "cpu" "" $api.resources) }}
{{- fail "api.resources.requests.cpu: name it, for api.autoscaling.targetCPUUtilizationPercentage is a share of it" }}
{{- end }}
{{- end }}
{{- if and $api.ingress.enabled (not $api.ingress.hosts) }}
{{- fail "api.ingress.hosts: name the host by which the API is reached" }}
{{- end }}
{{- end }}
