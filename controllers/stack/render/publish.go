package render

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// annotationPublish stands on the values of a component whose Service may be
// published, for it asks everybody for a login. It names the Service's port.
const annotationPublish = "ilp.health/publish"

// Published returns the port at which a component may be published, or 0 if it
// may not: then it is reached from inside the namespace only.
func (r *Renderer) Published(path string) (int32, error) {
	if known, ok := r.published.Load(path); ok {
		return known.(int32), nil
	}
	f, err := readFolder(r.stack, path)
	if err != nil {
		return 0, &ComponentError{Path: path, Err: err}
	}
	port, err := f.published()
	if err != nil {
		return 0, &ComponentError{Path: path, Err: err}
	}
	r.published.Store(path, port)
	return port, nil
}

func (f *folder) published() (int32, error) {
	var values corev1.ConfigMap
	if err := yaml.Unmarshal(f.files[valuesFile], &values); err != nil {
		return 0, fmt.Errorf("%s: %w", valuesFile, err)
	}
	name := values.Annotations[annotationPublish]
	if name == "" {
		return 0, nil
	}
	var service corev1.Service
	if err := yaml.Unmarshal(f.files[serviceFile], &service); err != nil {
		return 0, fmt.Errorf("%s: %w", serviceFile, err)
	}
	for _, port := range service.Spec.Ports {
		if port.Name == name {
			return port.Port, nil
		}
	}
	return 0, fmt.Errorf("%s publishes the port %q, which the Service in %s does not have", valuesFile, name, serviceFile)
}
