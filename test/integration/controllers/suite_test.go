// Package controllers proves what the operator does, feature by feature. Its specs share
// no more than a process, of which there are several.
package controllers_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	. "ilp.health/operator/test/harness"
)

func TestControllers(t *testing.T) {
	Configure()
	RunSpecs(t, "Controllers")
}

// What the specs share, by the names that read well in them: see Suite.
var (
	admin                 client.WithWatch
	asOperator            client.WithWatch
	asNamespaceController client.WithWatch
	adminConfig           string
	theOperator           *Operator
	workloads             *World
	theLedger             *Ledger
	theLinter             *Linter
)

var suite *Suite

var _ = BeforeSuite(func() {
	suite = Start()
	admin, adminConfig = suite.Admin, suite.AdminConfig
	asOperator, asNamespaceController = suite.AsOperator, suite.AsNamespaceController
	theOperator, workloads = suite.Operator, suite.World
	theLedger, theLinter = suite.Ledger, suite.Linter
})

var _ = BeforeEach(func() { suite.BeforeSpec() })

var _ = AfterEach(func() { suite.AfterSpec() })
