package pace

import (
	"reflect"
	"testing"
)

// TestDefault: a delay that is left out would be none at all, or for ever.
func TestDefault(t *testing.T) {
	value := reflect.ValueOf(Default())
	for i := range value.NumField() {
		if value.Field(i).Int() <= 0 {
			t.Errorf("%s has no default", value.Type().Field(i).Name)
		}
	}
}
