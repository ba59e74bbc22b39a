package puskesmas

import (
	"context"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"ilp.health/operator/api/v1alpha1"
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
	s.puskesmas.Status.Database = s.databaseName()
	s.puskesmas.Status.RMEURL = s.url()
	return nil
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

// components lists the folders that make up the facility's stack.
func (r *Reconciler) components(s *scope) ([]render.Component, error) {
	profile := string(s.profile)
	components := []render.Component{{Path: "facility-database/cloudnative-pg"}}
	if r.Renderer.Has("schema/" + profile) {
		components = append(components, s.schemaComponent(profile))
	}
	components = append(components, s.rmeComponent(profile))
	if s.satusehat != nil {
		components = append(components, render.Component{Path: "isolation/satusehat-egress"})
	}
	if s.host() != "" {
		components = append(components, s.exposure())
	}
	for i := range components {
		release := s.rme
		if components[i].Path == "schema/"+profile {
			release = s.schema
		}
		image, err := s.image(release)
		if err != nil {
			return nil, err
		}
		values, err := r.Renderer.Pick(components[i].Path, s.values(image))
		if err != nil {
			return nil, stage.RenderFailed(err)
		}
		components[i].Values = values
	}
	return components, nil
}

// values are all that folders may ask for.
func (s *scope) values(image string) map[string]string {
	readiness := s.puskesmas.Spec.RME.Custom.ReadinessPath
	if readiness == "" {
		readiness = "/"
	}
	return map[string]string{
		"image":            image,
		"databaseHost":     "database-rw",
		"databaseName":     s.databaseName(),
		"facilityName":     "Puskesmas " + s.puskesmas.Spec.Name,
		"facilityCode":     s.puskesmas.Spec.Code,
		"rawatInap":        strconv.FormatBool(s.puskesmas.Spec.Category == "RawatInap"),
		"timeZone":         s.district.Spec.TimeZoneOrDefault(),
		"host":             s.host(),
		"service":          s.puskesmas.Name + "-rme",
		"readinessPath":    readiness,
		"gatewayName":      string(s.district.Spec.Exposure.Gateway.Name),
		"gatewayNamespace": string(s.district.Spec.Exposure.Gateway.Namespace),
	}
}

func (s *scope) schemaComponent(profile string) render.Component {
	var patches patchSet
	pod := s.puskesmas.Spec.RME.Pod
	patches.add(override.Placement(s.district.Spec, pod)...)
	if s.profile == v1alpha1.RMEProfileCustom {
		if command := s.puskesmas.Spec.RME.Custom.MigrateCommand; len(command) > 0 {
			patches.add(override.Patch(override.Jobs, override.Add{Path: override.Container + "/command", Value: command}))
			patches.add(override.Patch(override.Jobs, customEnv(s.puskesmas.Spec.RME.Custom)...))
		} else {
			patches.add(override.Without("batch/v1", "Job", "schema"))
			return render.Component{Path: "schema/" + profile, Patches: patches}
		}
	}
	variables, params := override.Variables(override.Jobs, pod)
	patches.add(variables...)
	return render.Component{Path: "schema/" + profile, Patches: patches, Params: params}
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
	component := render.Component{Path: "rme/" + profile, Params: map[string]string{}}
	if custom := s.puskesmas.Spec.RME.Custom; s.profile == v1alpha1.RMEProfileCustom {
		patches.add(override.Patch(override.Deployments, override.Add{Path: override.Container + "/ports/0/containerPort", Value: custom.Port}))
		patches.add(override.Patch("Service", override.Add{Path: "/spec/ports/0/port", Value: custom.Port}))
		patches.add(override.Patch(override.Deployments, customEnv(custom)...))
	}
	if s.satusehat != nil {
		adds := []override.Add{{Path: "/spec/template/metadata/annotations/ilp.health~1satusehat-credentials", Value: "$(satusehatVersion)"}}
		for _, env := range s.satusehat.env() {
			adds = append(adds, override.Add{Path: override.Container + "/env/-", Value: env})
		}
		patches.add(override.Patch(override.Deployments, adds...))
		maps.Copy(component.Params, s.satusehat.params())
	}
	variables, params := override.Variables(override.Deployments, pod)
	patches.add(variables...)
	maps.Copy(component.Params, params)
	marks, params := override.Marks(pod)
	patches.add(marks...)
	maps.Copy(component.Params, params)
	component.Patches = patches
	return component
}

// customEnv gives an image the names that it expects, as references to those
// that the operator provides.
func customEnv(custom v1alpha1.CustomRME) []override.Add {
	var adds []override.Add
	for _, name := range slices.Sorted(maps.Keys(custom.Env)) {
		adds = append(adds, override.Add{
			Path:  override.Container + "/env/-",
			Value: corev1.EnvVar{Name: name, Value: "$(" + custom.Env[name] + ")"},
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

func (s *scope) exposure() render.Component {
	port, _ := s.published()
	return override.Exposure(s.district.Spec.Exposure, s.host(), port)
}

// writeSchemaAhead writes down which release the schema moves to before it moves.
func (r *Reconciler) writeSchemaAhead(ctx context.Context, s *scope) error {
	if s.schema.Name == s.puskesmas.Status.Release.Schema || s.hibernated() {
		return nil
	}
	s.puskesmas.Status.Release.Schema = s.schema.Name
	s.conditions.False(v1alpha1.ConditionSchemaReady, v1alpha1.ReasonProgressing, "the schema is to be brought to release "+s.schema.Name)
	s.conditions.Reconciling(v1alpha1.ReasonProgressing, "applying "+s.release.Name)
	s.puskesmas.Status.ObservedGeneration = s.puskesmas.Generation
	if err := r.Statuses.Patch(ctx, s.before, s.puskesmas); err != nil {
		return err
	}
	s.rebase()
	return nil
}

// rebase makes what has just been sent the copy that later changes are compared with.
func (s *scope) rebase() {
	s.before = s.puskesmas.DeepCopy()
	s.conditions.List = &s.puskesmas.Status.Conditions
}
