{{/*
Which process reads which secret: the first is who (api, worker, both), the second whether a pod must not start
without. What a process does not read, it does not get.
*/}}
{{- define "aroti.secrets" -}}
DATABASE_URL: [both, required]
DATABASE_READ_URL: [both, optional]
REDIS_URL: [both, optional]
TEMPORAL_API_KEY: [both, optional]
DERIVE_KEY: [both, required]
LINK_KEYS: [both, optional]
OTEL_EXPORTER_OTLP_HEADERS: [both, optional]
KEYCLOAK_CLIENT_SECRET: [bookings, identity]
SMTP_URL: [outreach, required]
JITSI_KEY: [bookings, optional]
MEETING_API_TOKEN: [bookings, optional]
{{- end }}

{{/* config or secrets.values as variables: appPort is APP_PORT. What is empty is absent. */}}
{{- define "aroti.variables" -}}
{{- $variables := dict -}}
{{- range $name, $value := . -}}
{{- if ne (toString $value) "" -}}
{{- $text := toString $value -}}
{{- /* A number of YAML is a float here, and a large one would be written with an exponent. */ -}}
{{- if kindIs "float64" $value -}}
{{- if eq $value (floor $value) -}}{{- $text = printf "%.0f" $value -}}{{- end -}}
{{- end -}}
{{- $_ := set $variables (snakecase $name | upper) $text -}}
{{- end -}}
{{- end -}}
{{- toJson $variables -}}
{{- end }}

{{/*
The environment of a container: include "aroti.env" (dict "root" $ "process" "api" "own" $variables).
`process` is api, bookings or outreach; `own` has the variables that are this container's alone; `only`, a pattern of
names, is for who reads few of what the process does, and gets no others.
*/}}
{{- define "aroti.env" -}}
{{- $own := .own -}}
{{- $only := .only | default "" -}}
{{- if $only -}}
{{- $own = merge (dict) .own (include "aroti.variables" .root.Values.config | fromJson) -}}
{{- else -}}
envFrom:
  - configMapRef:
      name: aroti-backend-config
{{ end -}}
env:
  {{- range $name, $value := $own }}
  {{- if regexMatch $only $name }}
  - name: {{ $name }}
    value: {{ $value | quote }}
  {{- end }}
  {{- end }}
  {{- $process := .process }}
  {{- $development := eq .root.Values.config.appEnv "development" }}
  {{- range $name, $rule := include "aroti.secrets" .root | fromYaml }}
  {{- if and (or (eq (index $rule 0) "both") (eq (index $rule 0) $process)) (regexMatch $only $name) }}
  - name: {{ $name }}
    valueFrom:
      secretKeyRef:
        name: aroti-backend-secrets
        key: {{ $name }}
        {{- if not (or (eq (index $rule 1) "required") (and (eq (index $rule 1) "identity") (not $development))) }}
        optional: true
        {{- end }}
  {{- end }}
  {{- end }}
{{- end }}
