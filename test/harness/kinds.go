package harness

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"ilp.health/operator/api/v1alpha1"
)

// The kinds of ilp.health.
var (
	DistrictKind     = v1alpha1.GroupVersion.WithKind("District")
	PuskesmasKind    = v1alpha1.GroupVersion.WithKind("Puskesmas")
	WaveKind         = v1alpha1.GroupVersion.WithKind("Wave")
	StackReleaseKind = v1alpha1.GroupVersion.WithKind("StackRelease")
)

// Core is a kind of the core group.
func Core(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Version: "v1", Kind: kind}
}

// Network is a kind of networking.k8s.io.
func Network(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: kind}
}

// Rbac is a kind of rbac.authorization.k8s.io.
func Rbac(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: kind}
}
