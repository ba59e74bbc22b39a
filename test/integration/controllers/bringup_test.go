package controllers_test

import (
	. "github.com/onsi/ginkgo/v2"
)

var _ = Describe("A District with two Puskesmas", func() {
	It("comes up from one apply", func(ctx SpecContext) {
		d := newDistrict(admin).apply(ctx)
		d.addPuskesmas(ctx, "tebidah")
		d.addPuskesmas(ctx, "sungai-durian")
		d.expectReady(ctx)
	})
})
