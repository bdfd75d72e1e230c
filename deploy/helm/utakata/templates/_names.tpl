{{- define "utakata.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name alone where it says "utakata" already. Short: names of pods are built of it. */}}
{{- define "utakata.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "utakata.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "utakata.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels that select: (dict "root" $ "component" "logic") */}}
{{- define "utakata.selector" -}}
app.kubernetes.io/name: {{ include "utakata.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .zone }}
utakata.io/zone: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "utakata.labels" -}}
{{ include "utakata.selector" . }}
app.kubernetes.io/part-of: utakata
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "utakata.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "utakata.workersNamespace" -}}
{{- default (printf "%s-workers" .Release.Namespace) .Values.workers.namespace -}}
{{- end -}}

{{- define "utakata.tokenSecret" -}}
{{- default (printf "%s-token" (include "utakata.fullname" .)) .Values.token.secretName -}}
{{- end -}}

{{- define "utakata.zoneName" -}}
{{- printf "%s-%s" (include "utakata.fullname" .root) (.zone | replace "_" "-" | replace "." "-" | lower) | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* A secret with a URL as JSON: what was named, or that of the servers for trying.
     (dict "root" $ "given" (dict secretName key) "what" "store" "key" "store-url") */}}
{{- define "utakata.url" -}}
{{- if .given.secretName -}}
{{- dict "name" .given.secretName "key" (default "url" .given.key) | toJson -}}
{{- else if .root.Values.try.enabled -}}
{{- dict "name" (printf "%s-try" (include "utakata.fullname" .root)) "key" .try | toJson -}}
{{- else -}}
{{- fail (printf "%s.secretName is not set: name a secret that has the URL under the key %q, or set try.enabled=true to try utakata with servers of its own" .what (default "url" .given.key)) -}}
{{- end -}}
{{- end -}}

{{/* Keys of a configuration, one a line, as TOML: (dict "above" "logic" "table" {...}). Scalars
     and lists of JSON are those of TOML, and numbers stay whole, which toToml does not keep. */}}
{{- define "utakata.toml" -}}
{{- $above := .above -}}
{{- range $key, $value := .table -}}
{{- $part := ternary $key ($key | quote) (regexMatch "^[A-Za-z0-9_-]+$" $key) -}}
{{- $path := ternary $part (printf "%s.%s" $above $part) (eq $above "") -}}
{{- if kindIs "map" $value -}}
{{- include "utakata.toml" (dict "above" $path "table" $value) -}}
{{- else if not (kindIs "invalid" $value) -}}
{{ $path }} = {{ $value | toJson }}
{{ end -}}
{{- end -}}
{{- end -}}

{{/* What is the same for the configuration of all roles: a map. */}}
{{- define "utakata.commonConfig" -}}
{{- $config := dict "probes" (dict "address" (printf "%s:%d" .root.Values.probes.listenOn (int .root.Values.probes.port))) "stop" (dict "within" (printf "%ds" (int .stopWithin))) -}}
{{- $interconnect := dict -}}
{{- range $name := list "amqp" "mqtt" -}}
{{- $given := index $.root.Values.interconnect $name -}}
{{- $part := dict -}}
{{- /* The servers for trying are in this namespace, and have no TLS. */ -}}
{{- if and (not $.root.Values.single.enabled) (or $given.insecure (and $.root.Values.try.enabled (not $given.secretName))) -}}
{{- $_ := set $part "insecure" true -}}
{{- end -}}
{{- $tls := $given.tls -}}
{{- if $tls.secretName -}}
{{- $folder := printf "/etc/utakata-tls/%s" $name -}}
{{- $paths := dict "ca" (printf "%s/ca.crt" $folder) -}}
{{- if $tls.clientCertificate -}}
{{- $_ := set $paths "certificate" (printf "%s/tls.crt" $folder) -}}
{{- $_ := set $paths "key" (printf "%s/tls.key" $folder) -}}
{{- end -}}
{{- $_ := set $part "tls" $paths -}}
{{- end -}}
{{- if $part -}}{{- $_ := set $interconnect $name $part -}}{{- end -}}
{{- end -}}
{{- if $interconnect -}}{{- $_ := set $config "interconnect" $interconnect -}}{{- end -}}
{{- $config | toJson -}}
{{- end -}}
