{{/* Who a pod is: nobody, with no token, no privilege. Pod security "restricted" asks for nothing more. */}}
{{- define "aroti.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "aroti.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* What every pod's spec begins with: include "aroti.podSpec" (dict "root" $ "account" "aroti-backend-api"). */}}
{{- define "aroti.podSpec" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "aroti.podSecurity" . | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.scheduling.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.scheduling.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.scheduling.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Apart from each other, by host and by zone, as far as there are any: include "aroti.spread" $matchLabels. */}}
{{- define "aroti.spread" -}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- toYaml . | nindent 14 }}
topologySpreadConstraints:
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- toYaml $ | nindent 8 }}
  {{- end }}
{{- end }}

{{/* Files of certificates that variables name, such as TEMPORAL_TLS_CA or sslrootcert of DATABASE_URL. */}}
{{- define "aroti.certificateMounts" -}}
{{- range .Values.certificates }}
- name: certificates-{{ .name }}
  mountPath: /certificates/{{ .name }}
  readOnly: true
{{- end }}
{{- end }}

{{- define "aroti.certificateVolumes" -}}
{{- range .Values.certificates }}
- name: certificates-{{ .name }}
  secret:
    secretName: {{ .secret }}
    defaultMode: 0440
{{- end }}
{{- end }}

{{/*
The schema first. Several pods that start at once wait for each other (an advisory lock of the database), and one that
finds nothing to do is done in a moment. include "aroti.migrate" (dict "root" $ "tag" "v1.2.3").
*/}}
{{- define "aroti.migrate" -}}
- name: migrate
  image: {{ include "aroti.image" . }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: [migration, up]
  env:
    - name: APP_ENV
      value: {{ .root.Values.config.appEnv | quote }}
    - name: DATABASE_URL
      valueFrom:
        secretKeyRef:
          name: aroti-backend-secrets
          key: {{ .root.Values.migrations.secretKey }}
  resources:
    {{- toYaml .root.Values.migrations.resources | nindent 4 }}
  securityContext:
    {{- include "aroti.containerSecurity" . | nindent 4 }}
  {{- with include "aroti.certificateMounts" .root }}
  volumeMounts:
    {{- . | trim | nindent 4 }}
  {{- end }}
{{- end }}

{{/* What makes pods start anew: their configuration, and secrets that this chart knows of. */}}
{{- define "aroti.stamps" -}}
checksum/config: {{ include "aroti.variables" .Values.config | sha256sum }}
{{- if eq .Values.secrets.source "values" }}
checksum/secrets: {{ include "aroti.variables" .Values.secrets.values | sha256sum }}
{{- end }}
{{- with .Values.secrets.stamp }}
aroti.com/secrets: {{ . | quote }}
{{- end }}
{{- end }}
