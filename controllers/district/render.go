package district

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"sigs.k8s.io/kustomize/api/types"

	"ilp.health/operator/api/v1alpha1"
	"ilp.health/operator/controllers/stack/cnpg"
	"ilp.health/operator/controllers/stack/override"
	"ilp.health/operator/controllers/stack/render"
	"ilp.health/operator/controllers/stack/stage"
	"ilp.health/operator/controllers/stack/status"
)

// Components of a district, by the value of the label app.kubernetes.io/component.
const (
	componentIsolation = "isolation"
	componentDatabase  = "database"
	componentPWS       = "pws"
	componentDashboard = "dashboard"
	componentExposure  = "exposure"
)

// operatorBinding is the RoleBinding that grants the operator its rights in a
// district's namespace.
const operatorBinding = "ilp-operator"

// dashboardPort is the port of the dashboard's Service in every profile's folder.
const dashboardPort = 8088

// render makes all objects of the district, without any call to the API server.
func (r *Reconciler) render(_ context.Context, s *scope) error {
	components, err := r.components(s)
	if err != nil {
		return err
	}
	objects, err := r.Renderer.Render(render.Instance{Namespace: s.namespace, Labels: s.ownerLabels()}, components, s.district.Spec.Patches)
	if err != nil {
		return stage.RenderFailed(err)
	}
	s.owner().Refer(objects)
	s.all, s.objects = objects, render.ByComponent(objects)
	s.district.Status.DashboardURL = s.dashboardURL()
	return nil
}

// components lists the folders that make up the district's stack.
func (r *Reconciler) components(s *scope) ([]render.Component, error) {
	profile := string(s.release.Spec.Dashboard.Profile)
	if p := s.district.Spec.Dashboard.Profile; p != "" {
		profile = string(p)
	}
	if profile != string(s.release.Spec.Dashboard.Profile) {
		return nil, status.Stalled(v1alpha1.ReasonReleaseIncomplete,
			"StackRelease %s has no image for dashboard profile %s: set spec.dashboard.profile to %s, or name a release that has one", s.release.Name, profile, s.release.Spec.Dashboard.Profile)
	}
	for _, name := range slices.Sorted(maps.Keys(s.district.Spec.Database.Parameters)) {
		// The schema refuses them; a spec from before that may hold one.
		if err := v1alpha1.CheckParameter(name); err != nil {
			return nil, status.Stalled(v1alpha1.ReasonConfigurationFailed, "spec.database.parameters: %v", err)
		}
	}
	components := []render.Component{
		{Path: "isolation/namespace"},
		{Path: "isolation/policies"},
		s.database(),
		s.pws(),
		s.dashboardComponent(profile),
	}
	if s.dashboardHost() != "" {
		components = append(components, override.Exposure(s.district.Spec.Exposure, dashboardPort))
	}
	for i := range components {
		component := &components[i]
		image := s.release.Spec.Database.Image
		if component.Path == "dashboard/"+profile {
			image = s.dashboard.Spec.Dashboard.Image
		}
		values, err := r.Renderer.Pick(component.Path, r.values(s, image))
		if err != nil {
			return nil, stage.RenderFailed(err)
		}
		component.Values = values
	}
	return components, nil
}

// values are all that folders may ask for.
func (r *Reconciler) values(s *scope, image v1alpha1.ImageReference) map[string]string {
	values := map[string]string{
		"operatorNamespace":         r.Identity.Namespace,
		"operatorServiceAccount":    r.Identity.ServiceAccount,
		"databaseOperatorNamespace": cnpg.OperatorNamespace,
		"dinkesGroup":               "ilp:dinkes:" + string(s.district.Spec.Code),
		"image":                     override.Image(image, s.district.Spec.Images),
		"postgresImage":             override.Image(s.release.Spec.Database.Image, s.district.Spec.Images),
		"databaseHost":              cnpg.Host,
		"districtCode":              string(s.district.Spec.Code),
		"districtName":              s.district.Spec.Name,
		"timeZone":                  s.district.Spec.TimeZoneOrDefault(),
		"cookieSecure":              strconv.FormatBool(s.district.Spec.Exposure.TLSSecretName != ""),
		"host":                      s.dashboardHost(),
		"service":                   "dashboard",
		"gatewayName":               string(s.district.Spec.Exposure.Gateway.Name),
		"gatewayNamespace":          string(s.district.Spec.Exposure.Gateway.Namespace),
	}
	for key, quantity := range quota(s.district.Spec, len(s.puskesmas)) {
		values[key] = quantity
	}
	return values
}

// database is the PostgreSQL cluster with what the spec says of it.
func (s *scope) database() render.Component {
	spec := s.district.Spec.Database
	adds := []override.Add{{Path: "/spec/storage/size", Value: spec.Storage}}
	if spec.Instances != 0 {
		adds = append(adds, override.Add{Path: "/spec/instances", Value: spec.Instances})
	}
	if spec.StorageClassName != "" {
		adds = append(adds, override.Add{Path: "/spec/storage/storageClass", Value: spec.StorageClassName})
	}
	for name, value := range spec.Parameters {
		adds = append(adds, override.Add{Path: "/spec/postgresql/parameters/" + override.Pointer(name), Value: value})
	}
	if selector := s.district.Spec.DataProtection.ResidencyNodeSelector; len(selector) > 0 {
		adds = append(adds, override.Add{Path: "/spec/affinity", Value: map[string]any{"nodeSelector": selector}})
	}
	if secrets := s.district.Spec.Images.PullSecrets; len(secrets) > 0 {
		adds = append(adds, override.Add{Path: "/spec/imagePullSecrets", Value: secrets})
	}
	hibernation := cnpg.HibernationOff
	if s.hibernated() {
		hibernation = cnpg.HibernationOn
	}
	adds = append(adds,
		override.Add{Path: "/metadata/annotations", Value: map[string]string{}},
		override.Add{Path: "/metadata/annotations/" + override.Pointer(cnpg.AnnotationHibernation), Value: hibernation})
	patches := []types.Patch{override.Patch(override.Clusters, sorted(adds)...)}
	patches = append(patches, override.Resources(override.Clusters, "/spec/resources", spec.Resources)...)
	return render.Component{Path: "database/cloudnative-pg", Patches: patches}
}

// pws loads the district's desa into the database that the dashboard reads.
func (s *scope) pws() render.Component {
	return render.Component{Path: "pws", Files: pwsFiles(s.puskesmas), Patches: override.Placement(s.district.Spec, v1alpha1.RMEPod{})}
}

func (s *scope) dashboardComponent(profile string) render.Component {
	spec := s.district.Spec.Dashboard
	patches := override.Placement(s.district.Spec, v1alpha1.RMEPod{})
	patches = append(patches, override.Resources(override.Deployments, override.Container+"/resources", spec.Resources)...)
	if s.hibernated() {
		patches = append(patches, override.Stopped()...)
	} else {
		patches = append(patches, override.Replicas(spec.Replicas)...)
	}
	return render.Component{Path: "dashboard/" + profile, Patches: patches}
}
