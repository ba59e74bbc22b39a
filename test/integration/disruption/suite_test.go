// Package disruption proves that the operator loses nothing and forgets nothing when
// requests fail, when it dies, and when the API server goes away.
package disruption_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	. "ilp.health/operator/test/harness"
)

func TestDisruption(t *testing.T) {
	Configure()
	RunSpecs(t, "Disruption")
}

// What the specs share, by the names that read well in them: see Suite.
var (
	admin       client.WithWatch
	theOperator *Operator
)

var suite *Suite

var _ = BeforeSuite(func() {
	suite = Start()
	admin, theOperator = suite.Admin, suite.Operator
})

var _ = BeforeEach(func() { suite.BeforeSpec() })

var _ = AfterEach(func() { suite.AfterSpec() })
