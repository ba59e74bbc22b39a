package main

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const (
	// annotationIf holds the value on which an object depends.
	annotationIf = "chart/if"
	// namespace is where config/ installs the operator; a chart's user chooses another.
	namespace = "ilp-system"
)

// templates renders an overlay and returns the chart's templates by their path,
// which is that of the file in config/ that they come from.
func templates(overlay string) (map[string][]byte, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), overlay)
	if err != nil {
		return nil, err
	}
	files := map[string]*bytes.Buffer{}
	for _, object := range resources.Resources() {
		source, err := sourceOf(object)
		if err != nil {
			return nil, err
		}
		text, err := template(object)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		name := strings.Replace(source, "crd/bases/", "crd/", 1)
		if files[name] == nil {
			files[name] = bytes.NewBufferString("{{- /* Generated from config/" + source + ": change it there, then make chart. */}}\n")
		}
		files[name].WriteString(text)
	}
	contents := make(map[string][]byte, len(files))
	for name, file := range files {
		contents[name] = file.Bytes()
	}
	return contents, nil
}

// sourceOf is the file that an object comes from, below config/.
func sourceOf(object *resource.Resource) (string, error) {
	origin, err := object.GetOrigin()
	if err != nil {
		return "", err
	}
	_, source, found := strings.Cut(path.Clean(origin.Path), "config/")
	if !found {
		return "", fmt.Errorf("%s comes from %s: want a file below config/", object.CurId(), origin.Path)
	}
	return source, nil
}

// template is one document of a template.
func template(object *resource.Resource) (string, error) {
	if err := object.SetOrigin(nil); err != nil {
		return "", err
	}
	annotations := object.GetAnnotations()
	condition := annotations[annotationIf]
	delete(annotations, annotationIf)
	if err := object.SetAnnotations(annotations); err != nil {
		return "", err
	}
	manifest, err := object.AsYAML()
	if err != nil {
		return "", err
	}
	text := "---\n" + expressions(string(manifest))
	if condition != "" {
		text = "{{- if " + condition + " }}\n" + text + "{{- end }}\n"
	}
	return text, nil
}

var (
	// A whole structure, left out when it is empty: resources: {toYaml: .Values.resources}.
	structure = regexp.MustCompile(`(?m)^( *)((?:- )?)(\w+):\n +toYaml: (\S+)$`)
	// A whole number or word, which YAML has quoted.
	scalar = regexp.MustCompile(`(?m)'(\{\{ .* \}\})'$`)
	// The namespace alone, which might read like a number.
	wholeNamespace = regexp.MustCompile(`(?m)((?:: |- ))` + namespace + `$`)
)

// expressions makes Helm's expressions of what the overlay has written as
// strings, and escapes Prometheus's, which Helm would take for its own.
func expressions(manifest string) string {
	manifest = strings.ReplaceAll(manifest, "{{ $", `{{ "{{" }} $`)
	manifest = structure.ReplaceAllStringFunc(manifest, func(field string) string {
		part := structure.FindStringSubmatch(field)
		margin, dash, name, value := part[1], part[2], part[3], part[4]
		return fmt.Sprintf("%s{{- with %s }}\n%s%s%s: {{- toYaml . | nindent %d }}\n%s{{- end }}",
			margin, value, margin, dash, name, len(margin+dash)+2, margin)
	})
	manifest = scalar.ReplaceAllString(manifest, "$1")
	manifest = wholeNamespace.ReplaceAllString(manifest, "$1{{ .Release.Namespace | quote }}")
	return strings.ReplaceAll(manifest, namespace, "{{ .Release.Namespace }}")
}
