{{/* The security that `restricted` asks of a container. */}}
{{- define "utakata.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* (dict "root" $ "port" "probes") */}}
{{- define "utakata.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: probes }
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: { path: /livez, port: probes }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: probes }
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end -}}

{{/* Where the pods of a set go: (dict "root" $ "settings" {...} "component" "logic" "zone" "") */}}
{{- define "utakata.placement" -}}
{{- with .settings.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .settings.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "utakata.selector" . | nindent 8 }}
{{- end -}}

{{- define "utakata.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Annotations and labels of a pod: (dict "root" $ "component" "logic" "config" "...") */}}
{{- define "utakata.podMetadata" -}}
labels:
  {{- include "utakata.labels" . | nindent 2 }}
  {{- with .root.Values.podLabels }}{{ toYaml . | nindent 2 }}{{ end }}
annotations:
  # Another configuration is another pod.
  checksum/config: {{ .config | sha256sum }}
  {{- with .root.Values.podAnnotations }}{{ toYaml . | nindent 2 }}{{ end }}
{{- end -}}

{{/* Mounts of certificates. */}}
{{- define "utakata.tlsMounts" -}}
{{- range $name := list "amqp" "mqtt" }}
{{- if (index $.Values.interconnect $name).tls.secretName }}
- { name: tls-{{ $name }}, mountPath: /etc/utakata-tls/{{ $name }}, readOnly: true }
{{- end }}
{{- end }}
{{- end -}}

{{/* Files of secrets have the mode 288: 0440, which not every reader of YAML takes for that. */}}
{{- define "utakata.tlsVolumes" -}}
{{- range $name := list "amqp" "mqtt" }}
{{- with (index $.Values.interconnect $name).tls.secretName }}
- name: tls-{{ $name }}
  secret: { secretName: {{ . }}, defaultMode: 288 }
{{- end }}
{{- end }}
{{- end -}}
