"""What is said of the streams to monitors and operators: standing, lag, problems, alarms, alerts. Changes
nothing that is counted; how a person is shown it is cli/, or orchestration/.
"""
