local suspended = obj.spec.suspend == true
return {
  ["reconcile"] = {["disabled"] = false},
  ["suspend"] = {["disabled"] = suspended},
  ["resume"] = {["disabled"] = not suspended}
}
