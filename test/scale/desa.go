package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"ilp.health/operator/api/v1alpha1"
)

// manyDesa are more than any Puskesmas has.
const manyDesa = 60

// villages compares Puskesmas with few and with many desa.
type villages struct {
	About     about
	Few, Many villagesTook
}

type villagesTook struct {
	Desa int
	// Bytes are those of a Puskesmas in the end, Managed those of its managedFields.
	Bytes, Managed int
	outcome
}

func (b *bench) desa() (report, error) {
	r := &villages{About: b.about}
	for _, took := range []*villagesTook{&r.Few, &r.Many} {
		took.Desa = desaEach
		if took == &r.Many {
			took.Desa = manyDesa
		}
		b.wave = newWave(fleet{districts: b.districts, puskesmas: b.puskesmas, desa: took.Desa})
		who := contestant{name: theOperator, what: fmt.Sprintf("%d desa for each Puskesmas", took.Desa), bring: bringByOperator, then: func(ctx context.Context, a *attempt) error {
			return took.weigh(ctx, a.cluster, b.wave)
		}}
		var err error
		if took.outcome, err = b.attempt(took.Desa, who); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// weigh reads one of them.
func (v *villagesTook) weigh(ctx context.Context, c *cluster, w wave) error {
	var p v1alpha1.Puskesmas
	if err := c.Client.Get(ctx, client.ObjectKeyFromObject(w.puskesmas[0]), &p); err != nil {
		return err
	}
	whole, err := json.Marshal(&p)
	if err != nil {
		return err
	}
	managed, err := json.Marshal(p.ManagedFields)
	v.Bytes, v.Managed = len(whole), len(managed)
	return err
}

func (r *villages) print(w io.Writer) {
	t := printer(w)
	t.head(r.About)
	t.linef("")
	for _, v := range []villagesTook{r.Few, r.Many} {
		n := float64(max(v.Objects, 1))
		t.linef("%d desa       a Puskesmas has %d bytes, %d of them managedFields; all Ready after %s; %.0f KiB allocated, %.3f requests and %.2f ms CPU of API server and etcd per object",
			v.Desa, v.Bytes, v.Managed, seconds(v.Done), v.Allocated/n/1024, asked(&v.outcome)/n, 1000*(v.API+v.Etcd).Seconds()/n)
	}
}

func (r *villages) missed() error { return nil }
