// Package gitops tells the health of a resource as GitOps tools do: as kstatus
// computes it, as Argo CD makes it out by the script in config/gitops/argocd,
// and Flux by the expressions in config/gitops/flux. Scripts and expressions are
// run by the libraries that those tools run them by.
//
// Its testdata are resources as an API server has them at each stage of their
// life. The integration tests record them, nobody writes them by hand:
//
//	go test ./test/integration/controllers -ginkgo.focus 'stage of life' -update
package gitops
