{{/* The app label by which PostgreSQL, Redis and the policies know them: aroti-backup writes, aroti-restore brings back. */}}

{{/* As aroti.podSpec, but for who it is: what a server is restored into belongs to the server's own user (postgres, 999). */}}
{{- define "aroti.backup.podSpec" -}}
{{- include "aroti.podSpec" (dict "root" .root "account" "aroti-backup") | replace "65532" .uid }}
{{- end }}

{{/* What files/backup/common.sh reads; secrets come from aroti-backup-secrets, named as the variables are. */}}
{{- define "aroti.backup.env" -}}
{{- $b := .root.Values.backup -}}
- { name: HOME, value: /tmp }
{{- if .second }}
- { name: BACKUP_TARGET, value: {{ printf "second:%s" $b.secondRegion.bucket | quote }} }
{{- else }}
- { name: BACKUP_TARGET, value: {{ printf "primary:%s" $b.storage.bucket | quote }} }
{{- end }}
- { name: RCLONE_CONFIG_PRIMARY_TYPE, value: s3 }
- { name: RCLONE_CONFIG_PRIMARY_PROVIDER, value: {{ $b.storage.provider | quote }} }
- { name: RCLONE_CONFIG_PRIMARY_ENDPOINT, value: {{ $b.storage.endpoint | quote }} }
- { name: RCLONE_CONFIG_PRIMARY_REGION, value: {{ $b.storage.region | quote }} }
{{- if $b.secondRegion.bucket }}
- { name: BACKUP_COPY, value: {{ printf "second:%s" $b.secondRegion.bucket | quote }} }
- { name: RCLONE_CONFIG_SECOND_TYPE, value: s3 }
- { name: RCLONE_CONFIG_SECOND_PROVIDER, value: {{ $b.secondRegion.provider | quote }} }
- { name: RCLONE_CONFIG_SECOND_ENDPOINT, value: {{ $b.secondRegion.endpoint | quote }} }
- { name: RCLONE_CONFIG_SECOND_REGION, value: {{ $b.secondRegion.region | quote }} }
{{- end }}
{{- with $b.recipients }}
- { name: BACKUP_RECIPIENTS, value: {{ join " " . | quote }} }
{{- end }}
- { name: BACKUP_DATABASES, value: {{ join " " $b.databases | quote }} }
- { name: BACKUP_DUMP_DAYS, value: {{ $b.keep.dumpDays | quote }} }
- { name: BACKUP_POINT_DAYS, value: {{ $b.keep.pointDays | quote }} }
- { name: BACKUP_REDIS_DAYS, value: {{ $b.keep.redisDays | quote }} }
- { name: BACKUP_SUPERUSER, value: {{ $b.postgres.superuser | quote }} }
- { name: PGHOST, value: {{ $b.postgres.host | quote }} }
- { name: PGPORT, value: {{ .root.Values.network.postgres.port | quote }} }
- { name: PGSSLMODE, value: {{ $b.postgres.sslMode | quote }} }
- { name: REDIS_HOST, value: {{ $b.redis.host | quote }} }
- { name: REDIS_PORT, value: {{ .root.Values.network.redis.port | quote }} }
{{- end }}

{{/* One container: include "aroti.backup.container" (dict "root" $ "name" "dump" "command" (list …) "env" (list …)). */}}
{{- define "aroti.backup.container" -}}
{{- $b := .root.Values.backup -}}
- name: {{ .name }}
  image: {{ $b.image }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: {{ toJson .command }}
  env:
    {{- include "aroti.backup.env" . | nindent 4 }}
    - { name: PGUSER, value: {{ ternary $b.postgres.superuser $b.postgres.user (eq .name "restore") | quote }} }
    {{- range .env }}
    - {{ toJson . }}
    {{- end }}
  envFrom:
    - secretRef: { name: {{ ternary "aroti-restore-secrets" "aroti-backup-secrets" (eq .name "restore") }} }
  resources:
    {{- toYaml $b.resources | nindent 4 }}
  securityContext:
    {{- include "aroti.containerSecurity" . | replace "65532" (.uid | default "65532") | nindent 4 }}
  volumeMounts:
    - { name: scripts, mountPath: /backup, readOnly: true }
    - { name: scratch, mountPath: /scratch }
    - { name: tmp, mountPath: /tmp }
    {{- if .identity }}
    - { name: identity, mountPath: /identity, readOnly: true }
    {{- end }}
    {{- with .mounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "aroti.backup.volumes" -}}
- name: scripts
  configMap: { name: aroti-backup, defaultMode: 0555 }
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
{{- if .identity }}
- name: identity
  secret: { secretName: aroti-backup-identity, defaultMode: 0440 }
{{- end }}
{{- end }}

{{/* Room for a restored server, or for a dump; gone with the pod. */}}
{{- define "aroti.backup.room" -}}
- name: scratch
  ephemeral:
    volumeClaimTemplate:
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .Values.backup.storageClassName }}
        storageClassName: {{ . }}
        {{- end }}
        resources: { requests: { storage: {{ .Values.backup.room }} } }
{{- end }}
