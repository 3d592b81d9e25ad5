-- What kstatus says: Healthy is Current, Degraded is Failed; Progressing and Suspended are InProgress or Terminating.
local status = obj.status or {}
local found = {}
for _, condition in ipairs(status.conditions or {}) do
  found[condition.type] = condition
end

local function health(code, condition, otherwise)
  return {status = code, message = condition ~= nil and condition.message or otherwise}
end

local function is(name)
  return found[name] ~= nil and found[name].status == "True"
end

if obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", found["DeletionBlocked"], "Being deleted")
end
if found["Ready"] == nil or status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", nil, "The operator has not seen this version yet")
end
if is("Reconciling") then
  return health("Progressing", found["Reconciling"])
end
if is("Stalled") then
  return health("Degraded", found["Stalled"])
end
if is("Ready") then
  return health("Healthy", found["Suspended"] or found["Ready"])
end
if is("Suspended") then
  return health("Suspended", found["Suspended"])
end
return health("Progressing", found["Ready"])
