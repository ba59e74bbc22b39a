{{- /* The operator's image: by digest if there is one, else by tag. */}}
{{- define "image" -}}
{{ .repository }}{{ with .digest }}@{{ . }}{{ else }}:{{ .tag }}{{ end }}
{{- end }}
