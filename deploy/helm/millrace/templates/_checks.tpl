{{/* What a schema cannot say: values that do not go together. Renders nothing, or fails with the remedy. */}}
{{- define "millrace.checks" -}}
{{- $config := .Values.config }}
{{- $drain := dig "run" "drain_seconds" 20 $config | float64 }}
{{- $request := dig "snapshots" "request_timeout_seconds" 10 $config | float64 }}
{{- $least := addf $drain (mulf 2 $request) 10 | ceil | int }}
{{- if lt (int .Values.terminationGracePeriodSeconds) $least }}
{{- fail (printf "terminationGracePeriodSeconds: %d s would cut the last snapshot off; draining, writing and leaving may take %d s (config.run.drain_seconds + 2 x config.snapshots.request_timeout_seconds + 10)" (int .Values.terminationGracePeriodSeconds) $least) }}
{{- end }}
{{- $partitions := dig "kafka" "partitions" 8 $config | int }}
{{- if gt (int .Values.keda.maxReplicas) $partitions }}
{{- fail (printf "keda.maxReplicas: %d workers cannot share %d partitions (config.kafka.partitions)" (int .Values.keda.maxReplicas) $partitions) }}
{{- end }}
{{- $url := dig "snapshots" "url" "" $config }}
{{- if and $url .Values.persistence.enabled }}
{{- fail "config.snapshots.url and persistence.enabled: snapshots lie in one place; set persistence.enabled to false" }}
{{- end }}
{{- if not (or $url .Values.persistence.enabled) }}
{{- fail "persistence.enabled is false: name an object store by config.snapshots.url, or a restart begins with nothing" }}
{{- end }}
{{- $shared := or (has "ReadWriteMany" .Values.persistence.accessModes) .Values.persistence.existingClaim }}
{{- if and .Values.persistence.enabled (not $shared) (or .Values.keda.enabled (gt (int .Values.replicaCount) 1)) }}
{{- fail "persistence.accessModes: several workers need a volume that is ReadWriteMany, for partitions move between them" }}
{{- end }}
{{- if and .Values.train.enabled (not .Values.train.existingClaim) }}
{{- fail "train.existingClaim: name the volume claim that holds the files of events" }}
{{- end }}
{{- if .Values.api.enabled }}
{{- include "millrace.apiChecks" . }}
{{- end }}
{{- end }}
