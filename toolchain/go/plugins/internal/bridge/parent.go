package bridge

import (
	"os"
	"time"
)

// ExitWithParent ends this process once the engine that started it has ended. Otherwise a plugin notices a killed engine
// only minutes later, and goes on until then with what nobody records any more.
func ExitWithParent() {
	parent := os.Getppid()
	go func() {
		for os.Getppid() == parent {
			time.Sleep(time.Second)
		}
		os.Exit(1)
	}()
}
