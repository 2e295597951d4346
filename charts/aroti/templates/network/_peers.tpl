{{/* Those at the other end of an arrow: pods of a namespace, addresses of a managed service, or both. */}}
{{- define "aroti.peers" -}}
{{- if .namespace }}
- namespaceSelector:
    matchLabels: { kubernetes.io/metadata.name: {{ .namespace }} }
  {{- with .podLabels }}
  podSelector:
    matchLabels: {{ toJson . }}
  {{- end }}
{{- else if .podLabels }}
- podSelector:
    matchLabels: {{ toJson .podLabels }}
{{- end }}
{{- range .cidrs }}
- ipBlock: { cidr: {{ . }} }
{{- end }}
{{- end }}

{{/* An arrow to one of them. */}}
{{- define "aroti.to" -}}
- to:
    {{- include "aroti.peers" . | trim | nindent 4 }}
  ports:
    - { protocol: TCP, port: {{ .port }} }
{{- end }}

{{/* The port of a URL: include "aroti.port" "http://loki:3100". */}}
{{- define "aroti.port" -}}
{{- $url := urlParse . -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end }}

{{- define "aroti.dns" -}}
- to:
    {{- include "aroti.peers" . | trim | nindent 4 }}
  ports:
    - { protocol: UDP, port: {{ .port }} }
    - { protocol: TCP, port: {{ .port }} }
{{- end }}

{{/* What API and workers need alike: names, the database, Redis, the engine, and where traces go. */}}
{{- define "aroti.common" -}}
{{- $n := .Values.network -}}
{{ include "aroti.dns" $n.dns }}
{{ include "aroti.to" $n.postgres }}
{{ include "aroti.to" $n.redis }}
{{ include "aroti.to" $n.temporal }}
{{- if .Values.config.otelExporterOtlpEndpoint }}
{{ include "aroti.to" $n.otlp }}
{{- end }}
{{- end }}
