-- Which partition a job goes to that names none: work without a GPU has nodes of its own, so that it
-- never keeps a GPU waiting. That is no fence: a partition refuses what it is not for.
--
-- What is one: while a dataset that wants to be alone is mounted in a job of a person, which is when root
-- has put its mark on that job, nothing else of theirs is taken. Every process of theirs could reach it.
-- A job that is over does not come back either, as `scontrol requeue` would have it past this door.

local ALONE = "^werkplaats%-alone:(.+)$"
local SUSPENDED, STATES, COMPLETING = 2, 256, 32768

local WAYS_TO_ASK = { "tres_per_job", "tres_per_node", "tres_per_socket", "tres_per_task" }

local function asks_for_gpu(job)
  for _, key in ipairs(WAYS_TO_ASK) do
    local asked = job[key]
    if asked ~= nil and string.find(asked, "gpu", 1, true) then
      return true
    end
  end
  return false
end

-- Whether a job has processes, or may get them: it waits, runs, is suspended, or has not ended wholly.
local function is_there(state)
  return state % STATES <= SUSPENDED or state % (2 * COMPLETING) >= COMPLETING
end

-- Return the dataset that is mounted alone in a job of this user. Whose a job is comes first: Slurm may
-- hand out a record for a second after it forgot the job, and of such a one no text may be looked at.
local function alone_with(user)
  for _, record in pairs(slurm.jobs or {}) do
    if record.user_id == user and is_there(record.job_state) then
      local dataset = string.match(record.admin_comment or "", ALONE)
      if dataset then
        return dataset
      end
    end
  end
  return nil
end

function slurm_job_submit(job, partitions, user)
  -- Root, and Slurm's own user, may hand in as somebody else; they are not bound.
  local dataset = user ~= 0 and user == job.user_id and alone_with(user)
  if dataset then
    slurm.log_user("%s", "werkplaats-alone:" .. dataset .. ": While the dataset '" .. dataset .. "' is mounted,"
      .. " nothing else of yours starts. Unmount it, or stop that server. Zolang '" .. dataset .. "' gekoppeld"
      .. " is, start er niets anders van jou. Ontkoppel, of stop die server.")
    return slurm.ESLURM_ACCESS_DENIED
  end
  job.requeue = 0
  if job.partition == nil and not asks_for_gpu(job) then
    job.partition = "cpu"
  end
  return slurm.SUCCESS
end

function slurm_job_modify(job, record, partitions, user)
  if user ~= 0 and job.requeue == 1 then
    slurm.log_user("%s", "A job cannot be put back into the queue here. Hand it in once more.")
    return slurm.ESLURM_ACCESS_DENIED
  end
  return slurm.SUCCESS
end
