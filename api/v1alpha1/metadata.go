package v1alpha1

// Labels and annotations of everything the operator makes.
const (
	// LabelDistrict carries the Kemendagri code of the district, with its dot.
	// On a Namespace it says whose the namespace is.
	LabelDistrict = "ilp.health/district"
	// LabelPuskesmas carries the name of the Puskesmas resource.
	LabelPuskesmas = "ilp.health/puskesmas"
	// LabelStateful marks objects that hold data: never recreated, and never
	// deleted without consent.
	LabelStateful = "ilp.health/stateful"
	// LabelRegistry marks the ConfigMaps, in the operator's namespace, that hold a
	// registry of places; its value is RegistryWilayah.
	LabelRegistry = "ilp.health/registry"
	// RegistryWilayah is the value of LabelRegistry.
	RegistryWilayah = "wilayah"
	// LabelManagedBy is Kubernetes's own; its value is ManagerName.
	LabelManagedBy = "app.kubernetes.io/managed-by"

	// AnnotationGenerate lists the keys of a Secret that the operator fills
	// with random values once.
	AnnotationGenerate = "ilp.health/generate"
	// AnnotationReconcileAt makes the operator look again when its value changes.
	AnnotationReconcileAt = "ilp.health/reconcile-at"
	// AnnotationRetryRequestedAt on a District or a Puskesmas makes the operator
	// try again what has failed when its value changes, such as to the time of
	// asking. On a District it speaks for all its Puskesmas.
	AnnotationRetryRequestedAt = "ilp.health/retry-requested-at"
	// AnnotationDeleteData on a Namespace or a stateful object, with the
	// district's code as value, lets it be deleted by hand (config/policy).
	AnnotationDeleteData = "ilp.health/delete-data"
	// AnnotationRecordPrefix on a district's Namespace begins the key of what a
	// District or a Puskesmas wrote down of its data (package stack/record).
	AnnotationRecordPrefix = "data.ilp.health/"
	// AnnotationRecorded on a facility's Database tells that nothing works with it
	// before there is such a record: without one it is as good as new.
	AnnotationRecorded = "ilp.health/recorded"
	// AnnotationRelease on an RME's Deployment and on a schema Job names the
	// StackRelease that it is of.
	AnnotationRelease = "ilp.health/release"

	// Finalizer lets the operator take a stack down in order.
	Finalizer = "ilp.health/finalizer"
)

// Field managers of server-side apply.
const (
	// ManagerName owns the fields of every object the operator makes.
	ManagerName = "ilp-operator"
	// ManagerWave wrote District.spec.release before 0.2.0. It is named only to
	// tell that from a pin and to give it up.
	ManagerWave = "ilp-wave"
	// ManagerDistrict wrote Puskesmas.spec.release and its finalizer before 0.2.0.
	ManagerDistrict = "ilp-district"
	// ManagerRecord owns the records on a district's Namespace.
	ManagerRecord = "ilp-record"
)
