package puskesmas

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/api/types"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/live"
	"ilp.health/operator/controllers/stack/override"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/stage"
	"ilp.health/operator/controllers/stack/status"
)

// Components of a facility, by the value of the label app.kubernetes.io/component.
const (
	// ComponentSchema is the Job that brings the schema to the release.
	ComponentSchema   = "schema"
	componentRME      = "rme"
	componentExposure = "exposure"
)

// render makes all objects of the facility, without any call to the API server.
func (r *Reconciler) render(_ context.Context, s *scope) error {
	components, err := r.components(s)
	if err != nil {
		return err
	}
	if err := s.checkNodes(); err != nil {
		return err
	}
	objects, err := r.Renderer.Render(render.Instance{
		Namespace:  s.puskesmas.Namespace,
		NamePrefix: s.puskesmas.Name + "-",
		Labels:     s.ownerLabels(),
	}, components, s.puskesmas.Spec.Patches)
	if err != nil {
		return stage.RenderFailed(err)
	}
	s.owner().Refer(objects)
	s.all, s.objects = objects, render.ByComponent(objects)
	s.markReleases()
	s.puskesmas.Status.Database = s.databaseName()
	s.puskesmas.Status.RMEURL = s.url()
	return nil
}

// markReleases writes on the programs of which release they are, so that it can be
// seen how far a way is gone. Pods do not carry it.
func (s *scope) markReleases() {
	for component, release := range map[string]*v1alpha1.StackRelease{ComponentSchema: s.schema, componentRME: s.rme} {
		for _, obj := range s.objects[component] {
			if gvk := obj.GroupVersionKind(); gvk == live.Jobs || gvk == live.Deployments {
				annotations := obj.GetAnnotations()
				if annotations == nil {
					annotations = map[string]string{}
				}
				annotations[v1alpha1.AnnotationRelease] = release.Name
				obj.SetAnnotations(annotations)
			}
		}
	}
}

func (s *scope) url() string {
	switch {
	case s.host() == "":
		return ""
	case s.district.Spec.Exposure.TLSSecretName != "":
		return "https://" + s.host()
	default:
		return "http://" + s.host()
	}
}

// components lists the folders that make up the facility's stack. A profile is a
// folder that says itself where it may be published and what it asks for.
func (r *Reconciler) components(s *scope) ([]render.Component, error) {
	profile := string(s.profile)
	port, err := r.Renderer.Published("rme/" + profile)
	if err != nil {
		return nil, stage.RenderFailed(err)
	}
	if s.port = port; port != 0 {
		s.port = cmp.Or(s.puskesmas.Spec.RME.Custom.Port, port)
	}

	parts := []part{{render.Component{Path: "facility-database/cloudnative-pg"}, s.rme}}
	if r.Renderer.Has("schema/" + profile) {
		parts = append(parts, part{s.schemaComponent(profile), s.schema})
	}
	parts = append(parts, part{s.rmeComponent(profile), s.rme})
	if s.satusehat != nil {
		parts = append(parts, part{render.Component{Path: "isolation/satusehat-egress"}, s.rme})
	}
	if s.host() != "" {
		parts = append(parts, part{override.Exposure(s.district.Spec.Exposure, s.port), s.rme})
	}
	components := make([]render.Component, len(parts))
	for i, p := range parts {
		image, err := s.image(p.release)
		if err != nil {
			return nil, err
		}
		values, err := r.Renderer.Pick(p.Path, s.values(image))
		if err != nil {
			return nil, stage.RenderFailed(err)
		}
		maps.Copy(values, p.Values)
		components[i], components[i].Values = p.Component, values
	}
	return components, nil
}

// part is a component with the release whose image it runs.
type part struct {
	render.Component
	release *v1alpha1.StackRelease
}

// values are all that folders may ask for.
func (s *scope) values(image string) map[string]string {
	return map[string]string{
		"image":            image,
		"databaseHost":     cnpg.Host,
		"databaseName":     s.databaseName(),
		"facilityName":     "Puskesmas " + s.puskesmas.Spec.Name,
		"facilityCode":     s.puskesmas.Spec.Code,
		"rawatInap":        strconv.FormatBool(s.puskesmas.Spec.Category == "RawatInap"),
		"timeZone":         s.district.Spec.TimeZoneOrDefault(),
		"host":             s.host(),
		"service":          s.puskesmas.Name + "-rme",
		"readinessPath":    s.puskesmas.Spec.RME.Custom.ReadinessPath,
		"gatewayName":      string(s.district.Spec.Exposure.Gateway.Name),
		"gatewayNamespace": string(s.district.Spec.Exposure.Gateway.Namespace),
	}
}

func (s *scope) schemaComponent(profile string) render.Component {
	var patches patchSet
	pod := s.puskesmas.Spec.RME.Pod
	component := render.Component{Path: "schema/" + profile, Values: map[string]string{}}
	patches.add(override.Placement(s.district.Spec, pod)...)
	if custom := s.puskesmas.Spec.RME.Custom; s.profile == v1alpha1.RMEProfileCustom {
		if len(custom.MigrateCommand) == 0 {
			component.Patches = []types.Patch{override.Without("batch/v1", "Job", "schema")}
			return component
		}
		command := make([]string, len(custom.MigrateCommand))
		for i, word := range custom.MigrateCommand {
			key := fmt.Sprintf("migrateCommand%d", i)
			command[i], component.Values[key] = "$("+key+")", word
		}
		patches.add(override.Patch(override.Jobs, override.Add{Path: override.Container + "/command", Value: command}))
		patches.add(override.Patch(override.Jobs, customEnv(custom, component.Values)...))
	}
	variables, values := override.Variables(override.Jobs, pod)
	patches.add(variables...)
	maps.Copy(component.Values, values)
	component.Patches = patches
	return component
}

func (s *scope) rmeComponent(profile string) render.Component {
	var patches patchSet
	pod := s.puskesmas.Spec.RME.Pod
	patches.add(override.Placement(s.district.Spec, pod)...)
	patches.add(override.Resources(override.Deployments, override.Container+"/resources", s.resources())...)
	if s.hibernated() {
		patches.add(override.Stopped()...)
	} else {
		patches.add(override.Replicas(s.replicas())...)
	}
	component := render.Component{Path: "rme/" + profile, Values: map[string]string{}}
	if custom := s.puskesmas.Spec.RME.Custom; s.profile == v1alpha1.RMEProfileCustom {
		patches.add(override.Patch(override.Deployments, override.Add{Path: override.Container + "/ports/0/containerPort", Value: custom.Port}))
		patches.add(override.Patch("Service", override.Add{Path: "/spec/ports/0/port", Value: custom.Port}))
		patches.add(override.Patch(override.Deployments, customEnv(custom, component.Values)...))
	}
	if s.satusehat != nil {
		adds := []override.Add{{Path: "/spec/template/metadata/annotations/ilp.health~1satusehat-credentials", Value: "$(satusehatVersion)"}}
		for _, env := range s.satusehat.env() {
			adds = append(adds, override.Add{Path: override.Container + "/env/-", Value: env})
		}
		patches.add(override.Patch(override.Deployments, adds...))
		maps.Copy(component.Values, s.satusehat.values())
	}
	variables, values := override.Variables(override.Deployments, pod)
	patches.add(variables...)
	maps.Copy(component.Values, values)
	marks, values := override.Marks(pod)
	patches.add(marks...)
	maps.Copy(component.Values, values)
	component.Patches = patches
	return component
}

// customEnv gives an image the names that it expects, as references to those
// that the operator provides. The references are values of the component, so
// that none is taken for one of those.
func customEnv(custom v1alpha1.CustomRME, values map[string]string) []override.Add {
	var adds []override.Add
	for i, name := range slices.Sorted(maps.Keys(custom.Env)) {
		key := fmt.Sprintf("customVariable%d", i)
		values[key] = "$(" + custom.Env[name] + ")"
		adds = append(adds, override.Add{
			Path:  override.Container + "/env/-",
			Value: corev1.EnvVar{Name: name, Value: "$(" + key + ")"},
		})
	}
	return adds
}

// checkNodes refuses a facility's node selector that asks for other nodes than
// the district's.
func (s *scope) checkNodes() error {
	residency := s.district.Spec.DataProtection.ResidencyNodeSelector
	asked := s.puskesmas.Spec.RME.Pod.NodeSelector
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		if wanted, ok := residency[key]; ok && wanted != string(asked[key]) {
			return status.Stalled(v1alpha1.ReasonConfigurationFailed,
				"spec.rme.pod.nodeSelector asks for nodes with %s=%s, but District %s keeps its data on nodes with %s=%s (spec.dataProtection.residencyNodeSelector): take it out",
				key, asked[key], s.district.Name, key, wanted)
		}
	}
	return nil
}
