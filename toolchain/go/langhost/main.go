// Command pulumi-language-nodejs runs Node.js programs for the Pulumi engine.
//
// It stands in for Pulumi's own language host, which cannot be built from Go modules alone. The engine starts it with
// its own address and reads the port to talk to from the first line of standard output.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/cmdutil"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/logging"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// version is stamped by the build.
var version = "0.0.0"

func main() {
	flag.String("tracing", "", "accepted because the engine may pass it; traces are not collected")
	flag.Parse()
	logging.InitLogging(false, 0, false)
	if flag.NArg() == 0 {
		cmdutil.Exit(errors.New("the engine's address is missing; this program is started by `pulumi`"))
	}
	if err := serve(flag.Arg(0)); err != nil {
		cmdutil.Exit(err)
	}
}

// serve answers the engine at the given address until the engine is gone.
func serve(engine string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go cancelWithParent(cancel)
	if err := rpcutil.Healthcheck(ctx, engine, 5*time.Minute, cancel); err != nil {
		return fmt.Errorf("the engine at %s does not answer: %w", engine, err)
	}
	stop := make(chan bool)
	go func() {
		<-ctx.Done()
		close(stop)
	}()
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stop,
		Init: func(srv *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(srv, newHost(ctx, engine))
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("could not serve: %w", err)
	}
	fmt.Println(handle.Port)
	if err := <-handle.Done; err != nil {
		return fmt.Errorf("stopped serving: %w", err)
	}
	return nil
}

// cancelWithParent calls cancel once the process that started this one has ended. The engine's own health check notices
// a killed engine minutes later, and until then the program would go on.
func cancelWithParent(cancel context.CancelFunc) {
	parent := os.Getppid()
	for os.Getppid() == parent {
		time.Sleep(time.Second)
	}
	cancel()
}
