{{- define "fastgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "fastgate.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "fastgate.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "fastgate.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "fastgate.selectorLabels" -}}
app.kubernetes.io/name: {{ include "fastgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: gateway
{{- end }}

{{/* Of the pod of `helm test`. */}}
{{- define "fastgate.testLabels" -}}
app.kubernetes.io/name: {{ include "fastgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end }}

{{- define "fastgate.commonLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "fastgate.labels" -}}
{{ include "fastgate.selectorLabels" . }}
{{ include "fastgate.commonLabels" . }}
{{- end }}

{{- define "fastgate.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "fastgate.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "fastgate.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{- define "fastgate.scheme" -}}
{{ ternary "HTTPS" "HTTP" (not (empty .Values.tls.existingSecret)) }}
{{- end }}

{{- define "fastgate.kind" -}}
{{ ternary "StatefulSet" "Deployment" .Values.persistence.enabled }}
{{- end }}

{{/* Not empty where the configuration, or a variable in `env`, names the ledger's database. */}}
{{- define "fastgate.namesLedger" -}}
{{- $ledger := dig "ledger" dict (fromYaml .Values.config) | default dict }}
{{- if $ledger.url }}yes{{ end }}
{{- range .Values.env }}{{ if hasPrefix "FASTGATE_LEDGER__URL" .name }}yes{{ end }}{{ end }}
{{- end }}

{{/* Two gateways on one database are refused by the second one, which would never become ready. */}}
{{- define "fastgate.check" -}}
{{- $pods := ternary .Values.autoscaling.maxReplicas .Values.replicaCount .Values.autoscaling.enabled | int }}
{{- if and (include "fastgate.namesLedger" .) (gt $pods 1) }}
{{- fail "ledger.url names one database, which takes one gateway only: set replicaCount (or autoscaling.maxReplicas) to 1, or leave ledger.url out, so that each pod has a ledger in its own volume" }}
{{- end }}
{{- if and .Values.autoscaling.enabled (not .Values.autoscaling.targetInFlightRequests) (not .Values.autoscaling.targetCPUUtilization) }}
{{- fail "autoscaling needs autoscaling.targetInFlightRequests or autoscaling.targetCPUUtilization" }}
{{- end }}
{{- end }}
