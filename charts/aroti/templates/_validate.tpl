{{/*
What goes together. Each mistake is a sentence, and all of them are said at once; of which kind a value is, is for
values.schema.json to say.
*/}}
{{- define "aroti.validate" -}}
{{- $v := .Values -}}
{{- $c := $v.config -}}
{{- $s := $v.secrets.values -}}
{{- $tag := include "aroti.tag" . -}}
{{- $production := eq $c.appEnv "production" -}}
{{- $development := eq $c.appEnv "development" -}}
{{- $wrong := list -}}

{{- /* the image */ -}}
{{- if not (regexMatch "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" $tag) -}}
{{- $wrong = append $wrong (printf "image.tag is %q, which is no tag: it names Deployments and a version of the workers too, so it has at most 63 letters, digits, dots, dashes and underscores" $tag) -}}
{{- else if eq $tag "latest" -}}
{{- $wrong = append $wrong "image.tag is \"latest\": a tag that moves cannot be rolled back, and names no version of the workers; take a release such as v1.2.3" -}}
{{- else if and $production (not (regexMatch "^v[0-9]+\\.[0-9]+\\.[0-9]+$" $tag)) -}}
{{- $wrong = append $wrong (printf "image.tag is %q: production runs releases, such as v1.2.3" $tag) -}}
{{- else if and (not $production) (not $development) (not (regexMatch "^(v[0-9]+\\.[0-9]+\\.[0-9]+|staging-[0-9a-f]{7,40})$" $tag)) -}}
{{- $wrong = append $wrong (printf "image.tag is %q: staging runs releases (v1.2.3) and builds of a commit (staging-0123abc)" $tag) -}}
{{- end -}}

{{- /* configuration */ -}}
{{- if not $development -}}
{{- range $name := list "temporalAddress" "keycloakIssuerUri" "publicUrl" "mailFrom" -}}
{{- if not (get $c $name) -}}
{{- $wrong = append $wrong (printf "config.%s is empty: outside of development it has no default" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $production -}}
{{- if contains "*" $c.corsAllowedOrigins -}}
{{- $wrong = append $wrong "config.corsAllowedOrigins is \"*\": production names the origins that may call it, or none" -}}
{{- end -}}
{{- if ne (toString $c.webhookAllowPrivate) "false" -}}
{{- $wrong = append $wrong "config.webhookAllowPrivate is not \"false\": in production nobody's webhook reaches into the cluster" -}}
{{- end -}}
{{- if regexMatch "//(localhost|127\\.|\\[::1\\])" $c.keycloakIssuerUri -}}
{{- $wrong = append $wrong (printf "config.keycloakIssuerUri is %s: production does not trust an issuer on its own machine" $c.keycloakIssuerUri) -}}
{{- end -}}
{{- if not (hasPrefix "https://" $c.publicUrl) -}}
{{- $wrong = append $wrong (printf "config.publicUrl is %q: in production links in mails begin with https://" $c.publicUrl) -}}
{{- end -}}
{{- end -}}
{{- range $name := list "appPort" "metricsPort" -}}
{{- if lt (int (get $c $name)) 1024 -}}
{{- $wrong = append $wrong (printf "config.%s is %v: the pods have no privileges, and ports below 1024 are for those who do" $name (get $c $name)) -}}
{{- end -}}
{{- end -}}
{{- if eq (int $c.appPort) (int $c.metricsPort) -}}
{{- $wrong = append $wrong (printf "config.appPort and config.metricsPort are both %v: metrics have a port of their own, which no proxy leads to" $c.appPort) -}}
{{- end -}}
{{- if lt (int $c.shutdownSeconds) 70 -}}
{{- $wrong = append $wrong (printf "config.shutdownSeconds is %v: the longest step takes more than a minute, and is to end before its worker does; give it 70 or more" $c.shutdownSeconds) -}}
{{- end -}}
{{- if and (eq $c.meetingProvider "http") (not $c.meetingApiUrl) -}}
{{- $wrong = append $wrong "config.meetingProvider is \"http\", and config.meetingApiUrl does not say where" -}}
{{- end -}}
{{- if ne (empty $c.temporalTlsCert) (empty $c.temporalTlsKey) -}}
{{- $wrong = append $wrong "config.temporalTlsCert and config.temporalTlsKey go together: give both or neither" -}}
{{- end -}}
{{- $mounted := list -}}
{{- range $v.certificates -}}{{- $mounted = append $mounted .name -}}{{- end -}}
{{- range $name := list "temporalTlsCa" "temporalTlsCert" "temporalTlsKey" -}}
{{- $path := get $c $name -}}
{{- if $path -}}
{{- if not (has (regexReplaceAll "^/certificates/([^/]+)/.*$" $path "${1}") $mounted) -}}
{{- $wrong = append $wrong (printf "config.%s is %q, and no entry of certificates is mounted there: give it as /certificates/<name>/<file>" $name $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* secrets */ -}}
{{- $given := list -}}
{{- range $name, $value := $s -}}{{- if $value -}}{{- $given = append $given $name -}}{{- end -}}{{- end -}}
{{- if eq $v.secrets.source "values" -}}
{{- if $production -}}
{{- $wrong = append $wrong "secrets.source is \"values\" in production: they would be in files and in the history of releases; take \"existing\" or \"external\"" -}}
{{- end -}}
{{- range $name := list "databaseUrl" "deriveKey" "smtpUrl" -}}
{{- if not (get $s $name) -}}
{{- $wrong = append $wrong (printf "secrets.values.%s is empty: nothing runs without" $name) -}}
{{- end -}}
{{- end -}}
{{- if and (not $development) (not $s.keycloakClientSecret) -}}
{{- $wrong = append $wrong "secrets.values.keycloakClientSecret is empty: outside of development accounts are deleted at Keycloak too" -}}
{{- end -}}
{{- if and (eq $v.migrations.secretKey "MIGRATION_DATABASE_URL") (not $s.migrationDatabaseUrl) -}}
{{- $wrong = append $wrong "secrets.values.migrationDatabaseUrl is empty: give the address of the role that owns the schema, or set migrations.secretKey to DATABASE_URL where one role does all" -}}
{{- end -}}
{{- if and $s.deriveKey (lt (len $s.deriveKey) 32) -}}
{{- $wrong = append $wrong "secrets.values.deriveKey is too short: it has at least 32 characters" -}}
{{- end -}}
{{- range $key := splitList "," $s.linkKeys -}}
{{- if and $key (lt (len (trim $key)) 32) -}}
{{- $wrong = append $wrong "secrets.values.linkKeys has a key that is too short: each has at least 32 characters" -}}
{{- end -}}
{{- end -}}
{{- if ne (empty $c.jitsiAppId) (empty $s.jitsiKey) -}}
{{- $wrong = append $wrong "config.jitsiAppId and secrets.values.jitsiKey go together: give both or neither" -}}
{{- end -}}
{{- if hasPrefix "sqlite" $s.databaseUrl -}}
{{- $wrong = append $wrong "secrets.values.databaseUrl is SQLite: pods share no file; give postgres://…" -}}
{{- end -}}
{{- else if $given -}}
{{- $wrong = append $wrong (printf "secrets.source is %q, and secrets.values has %s: nobody would read it; remove it, or set secrets.source to \"values\"" $v.secrets.source (join ", " (sortAlpha $given))) -}}
{{- end -}}
{{- if and $production (eq $v.migrations.secretKey "DATABASE_URL") -}}
{{- $wrong = append $wrong "migrations.secretKey is DATABASE_URL: in production the role of the application does not own the schema" -}}
{{- end -}}

{{- /* how many */ -}}
{{- with $v.api.autoscaling -}}
{{- if .enabled -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- $wrong = append $wrong (printf "api.autoscaling.minReplicas (%v) is more than maxReplicas (%v)" .minReplicas .maxReplicas) -}}
{{- end -}}
{{- if ge (int $v.api.minAvailable) (int .minReplicas) -}}
{{- $wrong = append $wrong (printf "api.minAvailable (%v) is not less than the %v pods there may be: no node could ever be emptied" $v.api.minAvailable .minReplicas) -}}
{{- end -}}
{{- else if ge (int $v.api.minAvailable) (int $v.api.replicas) -}}
{{- if gt (int $v.api.minAvailable) 0 -}}
{{- $wrong = append $wrong (printf "api.minAvailable (%v) is not less than api.replicas (%v): no node could ever be emptied" $v.api.minAvailable $v.api.replicas) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $queue, $worker := $v.workers -}}
{{- with $worker.autoscaling -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- $wrong = append $wrong (printf "workers.%s.autoscaling.minReplicas (%v) is more than maxReplicas (%v)" $queue .minReplicas .maxReplicas) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if lt (int $v.workers.bookings.autoscaling.minReplicas) 1 -}}
{{- $wrong = append $wrong "workers.bookings.autoscaling.minReplicas is 0: one worker stays, because the backlog shows neither tasks that stick to a worker nor local activities, and nobody else keeps the daily schedules" -}}
{{- end -}}
{{- if and (eq (int $v.workers.outreach.autoscaling.minReplicas) 0) (gt (int $v.workers.outreach.autoscaling.cpuPercent) 0) -}}
{{- $wrong = append $wrong "workers.outreach.autoscaling.cpuPercent is set, and minReplicas is 0: where nobody runs there is no CPU to measure; set minReplicas to 1, or cpuPercent to 0" -}}
{{- end -}}
{{- range $queue, $worker := $v.workers -}}
{{- if and (not $v.keda.enabled) (lt (int $worker.replicas) 1) -}}
{{- $wrong = append $wrong (printf "workers.%s.replicas is 0 and keda.enabled is false: nobody would ever do what waits" $queue) -}}
{{- end -}}
{{- end -}}

{{- /* versions */ -}}
{{- $names := list (include "aroti.slug" $tag) -}}
{{- range $v.workers.bookings.keep -}}
{{- $name := include "aroti.slug" . -}}
{{- if eq . $tag -}}
{{- $wrong = append $wrong (printf "workers.bookings.keep has %s, which is the image's own tag: it is for versions that run beside it" .) -}}
{{- else if has $name $names -}}
{{- $wrong = append $wrong (printf "workers.bookings.keep has %s, whose Deployment would be called as another one (%s)" . $name) -}}
{{- end -}}
{{- $names = append $names $name -}}
{{- end -}}
{{- if and $v.workers.bookings.keep (not $v.workers.bookings.versioned) -}}
{{- $wrong = append $wrong "workers.bookings.keep names versions, and workers.bookings.versioned is false: without versions there is one Deployment for all" -}}
{{- end -}}
{{- $last := 0 -}}
{{- range $v.rollout.shares -}}
{{- if or (le (int .) $last) (ge (int .) 100) -}}
{{- $wrong = append $wrong (printf "rollout.shares has %v after %v: percentages grow, and the last step, 100, is made anyway" . $last) -}}
{{- end -}}
{{- $last = int . -}}
{{- end -}}

{{- /* where it is reached */ -}}
{{- with $v.ingress -}}
{{- if .enabled -}}
{{- if not (regexMatch "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$" .host) -}}
{{- $wrong = append $wrong (printf "ingress.host is %q: give a host's name alone, such as api.aroti.com, without https:// and path" .host) -}}
{{- else if $c.publicUrl -}}
{{- $public := (urlParse $c.publicUrl).host | splitList ":" | first -}}
{{- if ne $public .host -}}
{{- $wrong = append $wrong (printf "config.publicUrl leads to %s and ingress.host is %s: links in mails would lead elsewhere" $public .host) -}}
{{- end -}}
{{- end -}}
{{- if and $production (not .tls.enabled) -}}
{{- $wrong = append $wrong "ingress.tls.enabled is false: production is reached by HTTPS alone" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* who speaks to whom */ -}}
{{- $networks := dict -}}
{{- range $name, $peer := omit $v.network "policies" "outside" -}}
{{- $_ := set $networks (printf "network.%s.cidrs" $name) $peer.cidrs -}}
{{- if and $v.network.policies (not $peer.namespace) (not $peer.podLabels) (not $peer.cidrs) -}}
{{- $wrong = append $wrong (printf "network.%s names nobody: give its namespace, its podLabels or its cidrs, or the arrow would lead to everybody" $name) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $networks "network.outside.except" $v.network.outside.except -}}
{{- range $name, $list := $networks -}}
{{- range $list -}}
{{- if not (regexMatch "^[0-9]+\\.[0-9]+\\.[0-9]+\\.[0-9]+/([0-9]|[12][0-9]|3[0-2])$|^[0-9a-fA-F:]+/[0-9]+$" .) -}}
{{- $wrong = append $wrong (printf "%s has %q, which is no network: write it as 203.0.113.0/24" $name .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $network := list "10.0.0.0/8" "172.16.0.0/12" "192.168.0.0/16" "169.254.0.0/16" -}}
{{- if not (has $network $v.network.outside.except) -}}
{{- $wrong = append $wrong (printf "network.outside.except does not have %s: workers call addresses that strangers give, and must not reach what is private" $network) -}}
{{- end -}}
{{- end -}}

{{- /* backups */ -}}
{{- $b := $v.backup -}}
{{- if $b.enabled -}}
{{- if and $b.secondRegion.bucket (eq (printf "%s %s" $b.storage.endpoint $b.storage.bucket) (printf "%s %s" $b.secondRegion.endpoint $b.secondRegion.bucket)) -}}
{{- $wrong = append $wrong (printf "backup.secondRegion is backup.storage (%s): what is lost there is lost in both" $b.storage.bucket) -}}
{{- end -}}
{{- if and $production (not $b.secondRegion.bucket) -}}
{{- $wrong = append $wrong "backup.secondRegion.bucket is empty: in production a region may be lost with its backups" -}}
{{- end -}}
{{- if and $b.jobs.base.schedule (lt (int $b.keep.dumpDays) (int $b.keep.pointDays)) -}}
{{- $wrong = append $wrong (printf "backup.keep.dumpDays (%v) is less than pointDays (%v): dumps are what is left when the log is not" $b.keep.dumpDays $b.keep.pointDays) -}}
{{- end -}}
{{- if and $b.restore.run (not (has (first $b.restore.run) (list "list" "dump" "server" "recover" "redis"))) -}}
{{- $wrong = append $wrong (printf "backup.restore.run begins with %q: a restore is one of list, dump, server, recover and redis" (first $b.restore.run)) -}}
{{- end -}}
{{- if and $b.restore.run (eq (first $b.restore.run) "recover") (not $b.restore.claim) -}}
{{- $wrong = append $wrong "backup.restore.claim is empty: a server is recovered into its volume, such as data-postgres-0" -}}
{{- end -}}
{{- if and $b.restore.fromSecondRegion (not $b.secondRegion.bucket) -}}
{{- $wrong = append $wrong "backup.restore.fromSecondRegion is set, and there is none" -}}
{{- end -}}
{{- end -}}

{{- with $wrong -}}
{{- fail (printf "these values cannot be installed:\n  - %s\n" (join "\n  - " .)) -}}
{{- end -}}
{{- end }}
