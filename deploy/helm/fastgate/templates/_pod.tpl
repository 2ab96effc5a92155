{{/* The pods of a StatefulSet and of a Deployment: they differ in where the data directory is. */}}
{{- define "fastgate.pod" -}}
metadata:
  labels:
    {{- include "fastgate.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: fastgate
    {{- if and .Values.config (eq .Values.configChange "restart") }}
    checksum/config: {{ .Values.config | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "fastgate.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  # The end of a drain, terminal errors included, takes up to 15 seconds more.
  terminationGracePeriodSeconds: {{ add .Values.preStopSeconds (ceil .Values.drainSeconds) 15 }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  containers:
    - name: fastgate
      image: {{ include "fastgate.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [serve]
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      env:
        {{- if .Values.config }}
        - name: FASTGATE_CONFIG
          value: /etc/fastgate/fastgate.yaml
        {{- end }}
        # Below the volume's root, which belongs to root, lets others read, and may have a lost+found.
        - name: FASTGATE_DATA_DIR
          value: /var/lib/fastgate/data/gateway
        - name: FASTGATE_SERVER__HOST
          value: 0.0.0.0
        - name: FASTGATE_SERVER__PORT
          value: "8080"
        - name: FASTGATE_SERVER__WORKERS
          value: {{ .Values.workers | quote }}
        - name: FASTGATE_SERVER__DRAIN_S
          value: {{ .Values.drainSeconds | quote }}
        {{- if .Values.tls.existingSecret }}
        - name: FASTGATE_SERVER__TLS__CERTIFICATE
          value: /etc/fastgate-tls/tls.crt
        - name: FASTGATE_SERVER__TLS__KEY
          value: /etc/fastgate-tls/tls.key
        {{- end }}
        {{- with .Values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.existingSecret }}
      envFrom:
        - secretRef:
            name: {{ . }}
      {{- end }}
      ports:
        - name: http
          containerPort: 8080
      startupProbe:
        httpGet: {path: /health/ready, port: http, scheme: {{ include "fastgate.scheme" . }}}
        periodSeconds: 1
        failureThreshold: 120
      readinessProbe:
        httpGet: {path: /health/ready, port: http, scheme: {{ include "fastgate.scheme" . }}}
        periodSeconds: 5
        timeoutSeconds: 2
      # Generous: a restart would end every open stream, and a dead worker is replaced by the supervisor anyway.
      livenessProbe:
        httpGet: {path: /health/live, port: http, scheme: {{ include "fastgate.scheme" . }}}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      {{- if .Values.preStopSeconds }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ .Values.preStopSeconds }}
      {{- end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - {name: data, mountPath: /var/lib/fastgate/data}
        - {name: tmp, mountPath: /tmp}
        {{- if .Values.config }}
        # The whole directory: a single file would not be swapped when the ConfigMap changes.
        - {name: config, mountPath: /etc/fastgate, readOnly: true}
        {{- end }}
        {{- if .Values.secretFiles.existingSecret }}
        - {name: secrets, mountPath: /run/secrets/fastgate, readOnly: true}
        {{- end }}
        {{- if .Values.tls.existingSecret }}
        - {name: tls, mountPath: /etc/fastgate-tls, readOnly: true}
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: 1Gi
    {{- if .Values.config }}
    - name: config
      configMap:
        name: {{ include "fastgate.fullname" . }}
    {{- end }}
    {{- if not .Values.persistence.enabled }}
    - name: data
      emptyDir: {}
    {{- end }}
    {{- with .Values.secretFiles.existingSecret }}
    - name: secrets
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.tls.existingSecret }}
    - name: tls
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    - {{ toYaml . | nindent 6 | trim }}
      labelSelector:
        matchLabels:
          {{- include "fastgate.selectorLabels" $ | nindent 10 }}
    {{- end }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
