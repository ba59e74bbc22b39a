package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"ilp.health/operator/test/testenv"
)

// bench is one run of the program.
type bench struct {
	options
	ctx    context.Context
	folder string
	about  about
	wave   wave
	// objects, their contents and the resources with their statuses are what the
	// operator has made of the wave in the first place, for others to do as well.
	objects  []applied
	contents contents
	captured []resource
}

func httpStatus(code int) string { return strings.ToLower(http.StatusText(code)) }

// prepare builds what is measured and finds what it is measured on.
func (b *bench) prepare(ctx context.Context) error {
	b.ctx = ctx
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		assets := filepath.Join(b.folder, "assets")
		if err := b.command(localcluster(), "assets", assets); err != nil {
			return fmt.Errorf("%w\nbuild localcluster first: hack/localcluster/build.sh, or run `make bench`, which does", err)
		}
		if err := os.Setenv("KUBEBUILDER_ASSETS", assets); err != nil {
			return err
		}
	}
	if b.operator == "" {
		say("building the operator")
		b.operator = filepath.Join(b.folder, "operator")
		if err := b.command("go", "build", "-C", testenv.Root(&harness{ctx: ctx}), "-o", b.operator, "./cmd/operator"); err != nil {
			return err
		}
	}
	b.about = b.describe()
	return nil
}

// localcluster is where hack/localcluster/build.sh leaves it.
func localcluster() string { return cached("localcluster") }

// cached is a program that make has built into the cache.
func cached(name string) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return name
	}
	return filepath.Join(cache, "ilp-operator/bin", name)
}

func (b *bench) command(name string, args ...string) error {
	output, err := exec.CommandContext(b.ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, output)
	}
	return nil
}

// sleep waits, or ends with the run.
func (b *bench) sleep(d time.Duration) error {
	select {
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	case <-time.After(d):
		return nil
	}
}

// onCluster runs something on a fresh API server.
func (b *bench) onCluster(name string, audited bool, do func(context.Context, *cluster, *observer) error, options ...testenv.Option) error {
	ctx, cancel := context.WithCancel(b.ctx)
	c, err := startCluster(ctx, filepath.Join(b.folder, name), audited, options...)
	defer func() {
		// An API server that ends waits for the watches of its clients.
		cancel()
		c.stop()
		if err := os.RemoveAll(c.folder); err != nil {
			say("%v", err)
		}
	}()
	if err != nil {
		return err
	}
	o, err := observe(ctx, c)
	if err != nil {
		return err
	}
	err = do(ctx, c, o)
	if simulated := o.simulator.err(); simulated != nil && err == nil {
		err = simulated
	}
	return err
}
