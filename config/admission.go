package config

import (
	"embed"
	"io/fs"
)

//go:embed crd/bases policy
var admission embed.FS

// Admission returns what decides whether an API server takes an object: the
// CustomResourceDefinitions in crd/bases and the ValidatingAdmissionPolicies in policy.
func Admission() fs.FS { return admission }
