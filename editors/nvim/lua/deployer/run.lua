-- Runs, live in a buffer: above what each component does, below what was printed.
local buffer = require("deployer.buffer")
local cli = require("deployer.cli")

local M = {}

local RESULTS = {
  COMPONENT_RESULT_SUCCEEDED = "succeeded",
  COMPONENT_RESULT_FAILED = "failed",
  COMPONENT_RESULT_SKIPPED = "skipped",
  COMPONENT_RESULT_CANCELLED = "cancelled",
}

local function word(constant, start)
  return (constant or ""):gsub("^" .. start, ""):gsub("_", " "):lower()
end

--- What is known of a run, drawn into its buffer.
local View = {}
View.__index = View

function View.new()
  return setmetatable({ components = {}, order = {}, head = { "", "" }, drawn = 0 }, View)
end

function View:component(id, change)
  if not self.components[id] then
    self.components[id] = { state = "[not started]", message = "" }
    table.insert(self.order, id)
  end
  for key, value in pairs(change) do
    self.components[id][key] = value
  end
  self:draw()
end

--- The rows of the components; what was printed stays below them.
function View:draw()
  if not self.buffer then
    return
  end
  local rows = vim.list_extend({}, self.head)
  for _, id in ipairs(self.order) do
    local row = self.components[id]
    table.insert(rows, buffer.line(("  %-24s %s %s"):format(id, row.state, row.message)))
  end
  table.insert(rows, "")
  buffer.put(self.buffer, 0, self.drawn, rows)
  self.drawn = #rows
end

function View:print(line)
  if self.buffer then
    buffer.put(self.buffer, -1, -1, { buffer.line(line) })
  end
end

local TELLS = {}

function TELLS.started(view, started)
  local run = started.run
  view.buffer = buffer.open("deployer://run/" .. run.id, "deployer")
  vim.api.nvim_buf_set_var(view.buffer, "deployer_run", run.id)
  view.head = { ("%s %s/%s"):format(word(run.operation, "OPERATION_"), run.stack, run.environment), "run " .. run.id .. " of " .. run.actor }
  buffer.put(view.buffer, 0, -1, {})
  view.drawn = 1
  view:draw()
end

function TELLS.plan(view, plan)
  for _, step in ipairs(plan.steps or {}) do
    if step.action ~= "ACTION_NONE" then
      view:component(step.component, {})
    end
  end
end

function TELLS.waiting(view, waiting)
  view:print("waits for " .. waiting["for"])
end

function TELLS.awaitingApproval(view)
  view:print("waits for another person's approval")
end

function TELLS.approved(view, approved)
  view:print("approved by " .. approved.actor)
end

function TELLS.resumed(view, resumed)
  view:print("goes on with the environment of " .. resumed.actor)
end

function TELLS.componentStarted(view, started)
  view:component(started.component, { state = "running", message = word(started.action, "ACTION_") })
end

function TELLS.componentProgress(view, progress)
  view:component(progress.component, { message = progress.message })
end

function TELLS.componentOutput(view, output)
  view:print(output.component ~= "" and (output.component .. " | " .. output.line) or output.line)
end

function TELLS.componentFinished(view, finished)
  view:component(finished.component, { state = RESULTS[finished.result] or "ended", message = finished.reason or "" })
end

function TELLS.leaseChanged(view, lease)
  view:print("lock " .. lease.state .. ": " .. lease.message)
end

function TELLS.cancelling(view, cancelling)
  view:print("cancelled by " .. cancelling.actor)
end

function TELLS.finished(view, finished)
  local status = word(finished.status, "RUN_STATUS_")
  view.head[1] = view.head[1] .. ": " .. status
  view:draw()
  if view.buffer and vim.api.nvim_buf_is_valid(view.buffer) then
    vim.api.nvim_buf_set_var(view.buffer, "deployer_status", status)
  end
  if finished.error then
    view:print("Error: " .. finished.error.message)
  end
  vim.notify(view.head[1], finished.error and vim.log.levels.ERROR or vim.log.levels.INFO)
end

--- Runs a command that streams a run, and shows it. Leaving the editor does not end the run.
function M.follow(arguments, cwd, ended)
  local view = View.new()
  return cli.stream(arguments, {
    cwd = cwd,
    event = function(event)
      for kind, tell in pairs(TELLS) do
        if event[kind] then
          tell(view, event[kind])
        end
      end
    end,
    ended = function(code, report)
      if code ~= 0 and not view.buffer then
        cli.complain("Cannot run", report)
      end
      if ended then
        ended(code)
      end
    end,
  })
end

--- The run that is named, or the one that the buffer shows, or the newest.
local function choose(arguments, answer)
  local id = arguments[1] or vim.b.deployer_run
  if id then
    return answer(id)
  end
  cli.ask({ "run", "list" }, {}, function(list, code, report)
    if code ~= 0 or not list then
      return cli.complain("Cannot list runs", report)
    end
    if #list.runs == 0 then
      return vim.notify("There is no run yet")
    end
    answer(list.runs[1].id)
  end)
end

--- Follows a run from its first event, wherever it was started.
function M.attach(arguments)
  choose(arguments, function(id)
    M.follow({ "run", "attach", id })
  end)
end

--- Asks a run to end gracefully.
function M.cancel(arguments)
  choose(arguments, function(id)
    cli.ask({ "run", "cancel", id }, {}, function(_, code, report)
      if code ~= 0 then
        cli.complain("Cannot cancel", report)
      end
    end)
  end)
end

return M
