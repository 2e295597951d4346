{{/* The tag of the image: what runs, and the build id of the workers of bookings. */}}
{{- define "aroti.tag" -}}
{{- .Values.image.tag | default .Chart.AppVersion -}}
{{- end }}

{{/* The image of a tag: include "aroti.image" (dict "root" $ "tag" "v1.2.3"). */}}
{{- define "aroti.image" -}}
{{- printf "%s:%s" .root.Values.image.repository .tag -}}
{{- end }}

{{/* A tag as part of a name: lower case, no dots, short, and still another one for another tag. */}}
{{- define "aroti.slug" -}}
{{- $slug := regexReplaceAll "[^a-z0-9]+" (lower .) "-" | trimAll "-" -}}
{{- if gt (len $slug) 24 -}}
{{- printf "%s-%s" (trunc 15 $slug | trimSuffix "-") (sha256sum . | trunc 8) -}}
{{- else -}}
{{- $slug -}}
{{- end -}}
{{- end }}

{{/* Labels of everything: include "aroti.labels" (dict "root" $ "app" "aroti-backend-api"). */}}
{{- define "aroti.labels" -}}
app: {{ .app }}
app.kubernetes.io/name: {{ .app }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: aroti
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .tag | default (include "aroti.tag" .root) | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* Labels of a pod: nothing among them changes with the chart alone, so that pods of versions that stay, stay. */}}
{{- define "aroti.podLabels" -}}
app: {{ .app }}
app.kubernetes.io/name: {{ .app }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: aroti
app.kubernetes.io/version: {{ .tag | default (include "aroti.tag" .root) | quote }}
{{- end }}

{{/* The queue that a worker asks for activities only, as the processes derive it from the one of bookings. */}}
{{- define "aroti.outreachQueue" -}}
{{- $bookings := .Values.config.temporalTaskQueue | default "bookings" -}}
{{- if hasPrefix "bookings" $bookings -}}
{{- printf "outreach%s" (trimPrefix "bookings" $bookings) -}}
{{- else -}}
{{- printf "outreach-%s" $bookings -}}
{{- end -}}
{{- end }}

{{/* The engine as host:port, for those who take no URL. */}}
{{- define "aroti.temporalEndpoint" -}}
{{- .Values.config.temporalAddress | trimPrefix "https://" | trimPrefix "http://" | trimSuffix "/" -}}
{{- end }}

{{/* "true" where the engine is spoken to by TLS, as the processes decide it. */}}
{{- define "aroti.temporalTls" -}}
{{- $c := .Values.config -}}
{{- if or (eq (toString $c.temporalTls) "true") (hasPrefix "https://" $c.temporalAddress) $c.temporalTlsCa $c.temporalTlsCert $c.temporalTlsServerName .Values.keda.apiKey -}}
true
{{- else -}}
false
{{- end -}}
{{- end }}

{{/* The versions of the workers of bookings that run: the image's tag, and those that are kept beside it; JSON. */}}
{{- define "aroti.bookingsVersions" -}}
{{- $versions := list (include "aroti.tag" .) -}}
{{- if .Values.workers.bookings.versioned -}}
{{- $versions = concat $versions .Values.workers.bookings.keep -}}
{{- end -}}
{{- toJson $versions -}}
{{- end }}

{{/* The name of a version's Deployment: include "aroti.bookingsName" (dict "root" $ "tag" "v1.2.3"). */}}
{{- define "aroti.bookingsName" -}}
{{- if .root.Values.workers.bookings.versioned -}}
{{- printf "aroti-backend-bookings-%s" (include "aroti.slug" .tag) -}}
{{- else -}}
aroti-backend-bookings
{{- end -}}
{{- end }}
