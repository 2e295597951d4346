{{/* Labels of a thing: (list $ "name"). */}}
{{- define "platform.labels" -}}
{{- $root := index . 0 -}}
app: {{ index . 1 }}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/part-of: aroti-platform
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end }}

{{- define "platform.image" -}}
{{ (index . 0).Values.imageRegistry }}{{ index . 1 }}
{{- end }}

{{/* What every pod has: (list $ user). */}}
{{- define "platform.pod" -}}
{{- $root := index . 0 -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ index . 1 }}
  runAsGroup: {{ index . 1 }}
  fsGroup: {{ index . 1 }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- end }}

{{/* What every container has. */}}
{{- define "platform.container" -}}
imagePullPolicy: IfNotPresent
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  privileged: false
  capabilities: { drop: [ALL] }
{{- end }}

{{/* Resources of jobs and of containers that only wait. */}}
{{- define "platform.little" -}}
resources:
  requests: { cpu: 10m, memory: 32Mi }
  limits: { cpu: 500m, memory: 256Mi }
{{- end }}

{{/* Spread over machines: (list "app"). */}}
{{- define "platform.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: { matchLabels: { app: {{ . }} } }
{{- end }}

{{/* Waits until a login gets into its database: (list $ user database secret key query). */}}
{{- define "platform.waitForDatabase" -}}
{{- $root := index . 0 -}}
- name: wait-for-postgres
  image: {{ include "platform.image" (list $root $root.Values.postgres.image) }}
  command:
    - sh
    - -c
    - until psql -XAtqc "$QUERY" >/dev/null; do echo 'not there yet' >&2; sleep 2; done
  env:
    - { name: PGHOST, value: {{ $root.Values.postgres.host | quote }} }
    - { name: PGPORT, value: {{ $root.Values.postgres.port | quote }} }
    - { name: PGUSER, value: {{ index . 1 | quote }} }
    - { name: PGDATABASE, value: {{ index . 2 | quote }} }
    {{- include "platform.libpqTls" $root | nindent 4 }}
    - { name: PGCONNECT_TIMEOUT, value: "5" }
    - { name: QUERY, value: {{ index . 5 | quote }} }
    - name: PGPASSWORD
      valueFrom: { secretKeyRef: { name: {{ index . 3 }}, key: {{ index . 4 }} } }
  {{- include "platform.caMount" $root | nindent 2 }}
  {{- include "platform.container" $root | nindent 2 }}
  {{- include "platform.little" $root | nindent 2 }}
{{- end }}

{{/* How psql is told of TLS. */}}
{{- define "platform.libpqTls" -}}
- { name: PGSSLMODE, value: {{ .Values.postgres.sslMode | quote }} }
{{- if eq .Values.postgres.sslMode "verify-full" }}
- { name: PGSSLROOTCERT, value: /postgres-ca/ca.crt }
{{- end }}
{{- end }}

{{/* The certificate authority of a managed PostgreSQL: its ConfigMap, mounts and volumes; others may be listed behind. */}}
{{- define "platform.ca" -}}
{{- $root := index . 0 -}}
{{- if eq $root.Values.postgres.sslMode "verify-full" }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: postgres-ca
  namespace: {{ index . 1 }}
  labels: {{- include "platform.labels" (list $root "postgres-ca") | nindent 4 }}
data:
  ca.crt: | {{- $root.Values.postgres.ca | nindent 4 }}
{{- end }}
{{- end }}
{{- define "platform.caMount" -}}
volumeMounts:
  - { name: tmp, mountPath: /tmp }
  {{- if eq .Values.postgres.sslMode "verify-full" }}
  - { name: postgres-ca, mountPath: /postgres-ca, readOnly: true }
  {{- end }}
{{- end }}
{{- define "platform.caVolume" -}}
volumes:
  - name: tmp
    emptyDir: {}
  {{- if eq .Values.postgres.sslMode "verify-full" }}
  - name: postgres-ca
    configMap: { name: postgres-ca }
  {{- end }}
{{- end }}

{{/* What the controller adds to answers of a namespace: (list $ "namespace"). */}}
{{- define "platform.ingressHeaders" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.ingress.headers }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: ingress-headers
  namespace: {{ index $ 1 }}
  labels: {{- include "platform.labels" (list $root "ingress-headers") | nindent 4 }}
data:
  {{- range $name, $value := . }}
  {{ $name }}: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Annotations of an Ingress of ours: (list $ "namespace"). */}}
{{- define "platform.ingressAnnotations" -}}
{{- $root := index . 0 -}}
cert-manager.io/cluster-issuer: {{ $root.Values.issuer }}
{{- if $root.Values.ingress.headers }}
nginx.ingress.kubernetes.io/custom-headers: {{ index . 1 }}/ingress-headers
{{- end }}
nginx.ingress.kubernetes.io/ssl-redirect: "true"
nginx.ingress.kubernetes.io/force-ssl-redirect: "true"
{{- end }}

{{/* An egress rule to DNS. */}}
{{- define "platform.toDns" -}}
- to:
    - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ .Values.networkPolicies.dnsNamespace }} } }
  ports: [{ protocol: UDP, port: 53 }, { protocol: TCP, port: 53 }]
{{- end }}

{{/* An egress rule to PostgreSQL, here or elsewhere. */}}
{{- define "platform.toPostgres" -}}
- to:
    {{- if .Values.postgres.managed }}
    {{- range .Values.postgres.cidrs }}
    - ipBlock: { cidr: {{ . }} }
    {{- end }}
    {{- else }}
    - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: database } }
      podSelector: { matchLabels: { app: postgres } }
    {{- end }}
  ports: [{ protocol: TCP, port: {{ .Values.postgres.port }} }]
{{- end }}

{{/* An egress rule to Keycloak, here or elsewhere. */}}
{{- define "platform.toKeycloak" -}}
- to:
    {{- if .Values.keycloak.managed }}
    {{- range .Values.keycloak.cidrs }}
    - ipBlock: { cidr: {{ . }} }
    {{- end }}
    {{- else }}
    - namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: keycloak } }
      podSelector: { matchLabels: { app: keycloak } }
    {{- end }}
  ports: [{ protocol: TCP, port: {{ .Values.keycloak.port }} }]
{{- end }}

{{/* Pods of a namespace: (list "namespace" (list "app" …)). */}}
{{- define "platform.apps" -}}
- namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: {{ index . 0 }} } }
  podSelector: { matchExpressions: [{ key: app, operator: In, values: {{ toJson (index . 1) }} }] }
{{- end }}

{{/* Refuse what cannot work, all at once, in sentences. */}}
{{- define "platform.validate" -}}
{{- $wrong := list -}}
{{- $v := .Values -}}
{{- if and $v.postgres.managed (not $v.postgres.cidrs) $v.networkPolicies.enabled -}}
{{- $wrong = append $wrong "postgres.managed needs postgres.cidrs: the networks that PostgreSQL is in, or no policy lets anybody reach it" -}}
{{- end -}}
{{- if and $v.postgres.managed (hasSuffix ".svc.cluster.local" $v.postgres.host) -}}
{{- $wrong = append $wrong "postgres.managed needs postgres.host: the name of the managed service, not one of this cluster" -}}
{{- end -}}
{{- if and $v.postgres.managed (eq $v.postgres.sslMode "disable") -}}
{{- $wrong = append $wrong "postgres.managed needs postgres.sslMode require or verify-full: passwords would cross networks in the clear" -}}
{{- end -}}
{{- if and (not $v.postgres.managed) (ne $v.postgres.sslMode "disable") -}}
{{- $wrong = append $wrong "postgres.sslMode is for a managed PostgreSQL; the one of this chart has no certificate and is fenced in by policies" -}}
{{- end -}}
{{- if and (eq $v.postgres.sslMode "verify-full") (not $v.postgres.ca) -}}
{{- $wrong = append $wrong "postgres.sslMode verify-full needs postgres.ca: the certificate of its authority, PEM" -}}
{{- end -}}
{{- if and $v.redis.managed (hasSuffix ".svc.cluster.local" $v.redis.host) -}}
{{- $wrong = append $wrong "redis.managed needs redis.host: the name of the managed service" -}}
{{- end -}}
{{- if and $v.keycloak.managed (hasSuffix ".svc.cluster.local" $v.keycloak.host) -}}
{{- $wrong = append $wrong "keycloak.managed needs keycloak.host: the name of the managed service" -}}
{{- end -}}
{{- if and $v.keycloak.managed (not $v.keycloak.cidrs) $v.networkPolicies.enabled -}}
{{- $wrong = append $wrong "keycloak.managed needs keycloak.cidrs: the networks that Keycloak is in" -}}
{{- end -}}
{{- if and $v.temporal.managed (hasSuffix ".svc.cluster.local" $v.temporal.host) -}}
{{- $wrong = append $wrong "temporal.managed needs temporal.host: the address that the managed service gave" -}}
{{- end -}}
{{- if and $v.temporal.ui.ingress.enabled (not $v.temporal.ui.oidc.enabled) (ne $v.issuer "self-signed") -}}
{{- $wrong = append $wrong "temporal.ui.oidc.enabled must be true where the Web UI has an Ingress: whoever found it could end any booking" -}}
{{- end -}}
{{- if and $v.keycloak.smtp.enabled (or (not $v.keycloak.smtp.host) (not $v.keycloak.smtp.from)) -}}
{{- $wrong = append $wrong "keycloak.smtp.enabled needs keycloak.smtp.host and keycloak.smtp.from" -}}
{{- end -}}
{{- if and $v.keycloak.smtp.enabled (not $v.keycloak.smtp.cidrs) $v.networkPolicies.enabled -}}
{{- $wrong = append $wrong "keycloak.smtp.enabled needs keycloak.smtp.cidrs: the networks of the mail server, or no policy lets Keycloak reach it" -}}
{{- end -}}
{{- if and (eq $v.secrets.mode "values") (or (eq $v.domain "aroti.com") (hasPrefix "letsencrypt" $v.issuer)) -}}
{{- $wrong = append $wrong "secrets.mode values writes passwords into the release: it is for dev and local only, use existing or external" -}}
{{- end -}}
{{- if eq $v.secrets.mode "values" -}}
{{- range list "postgresAdmin" "owner" "app" "backup" "keycloakDatabase" "temporalDatabase" "redis" "keycloakAdmin" "keycloakClient" "temporalUi" "smtp" -}}
{{- if not (index $v.secrets.values .) -}}
{{- $wrong = append $wrong (printf "secrets.mode values needs secrets.values.%s" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if not (regexMatch "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$" $v.domain) -}}
{{- $wrong = append $wrong (printf "domain is a name such as aroti.com, without a scheme and a path, not %s" $v.domain) -}}
{{- end -}}
{{- if not (regexMatch "^[0-9]+(h|m|s)$" $v.temporal.retention) -}}
{{- $wrong = append $wrong (printf "temporal.retention is said in hours, such as 168h for a week, not %s" $v.temporal.retention) -}}
{{- end -}}
{{- range $of, $image := dict "postgres.image" $v.postgres.image "redis.image" $v.redis.image "keycloak.image" $v.keycloak.image "temporal.image" $v.temporal.image "temporal.toolsImage" $v.temporal.toolsImage "temporal.ui.image" $v.temporal.ui.image -}}
{{- if hasSuffix ":latest" $image -}}
{{- $wrong = append $wrong (printf "%s names a version: nobody could say what runs as %s" $of $image) -}}
{{- end -}}
{{- end -}}
{{- range $of, $cidrs := dict "postgres.cidrs" $v.postgres.cidrs "keycloak.cidrs" $v.keycloak.cidrs "keycloak.smtp.cidrs" $v.keycloak.smtp.cidrs -}}
{{- range $cidrs -}}
{{- if not (regexMatch "^([0-9]{1,3}(\\.[0-9]{1,3}){3}/[0-9]{1,2}|[0-9a-fA-F:]+/[0-9]{1,3})$" .) -}}
{{- $wrong = append $wrong (printf "%s are networks such as 10.1.0.0/16 (one address: 10.1.2.3/32), not %s" $of .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "\n\nThese values cannot work:\n  - %s\n" (join "\n  - " $wrong)) -}}
{{- end -}}
{{- end }}
